import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile, rotatedFile } from '../../../../local/node/log-file.ts';
import { followLog, parseLogQuery, readLog, type LogQuery } from '../../../../local/node/log-reader.ts';

let folder: string;
let log: LogFile;
let now = 0;
beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z');
  folder = await mkdtemp(join(tmpdir(), 'log-test-'));
  log = new LogFile(join(folder, 'log'), () => now);
});
afterEach(async () => {
  log.end();
  await rm(folder, { recursive: true, force: true });
});

const append = (text: string): void => log.append(Buffer.from(text));
const all: LogQuery = { follow: false, previous: false, timestamps: false };

describe('parseLogQuery', () => {
  it.each<[string, Partial<LogQuery>]>([
    ['', { follow: false, timestamps: false }],
    ['follow=true&timestamps=true', { follow: true, timestamps: true }],
    ['tailLines=3&limitBytes=10', { tailLines: 3, limitBytes: 10 }],
    ['tailLines=x', {}],
    ['sinceSeconds=5', { since: 5_000 }],
    ['sinceTime=1970-01-01T00:00:01Z', { since: 1_000 }],
  ])('%j', (text, expected) => {
    expect(parseLogQuery(new URLSearchParams(text), 10_000)).toMatchObject(expected);
  });
});

describe('readLog', () => {
  it.each<[string, Partial<LogQuery>, string]>([
    ['the last lines', { tailLines: 1 }, 'b\n'],
    ['no lines', { tailLines: 0 }, ''],
    ['so many bytes', { limitBytes: 3 }, 'a\nb'],
    ['times', { timestamps: true, tailLines: 1 }, '2026-01-01T00:00:05.000Z b\n'],
    ['what came since', { since: Date.parse('2026-01-01T00:00:05Z') }, 'b\n'],
  ])('gives %s', async (_, part, expected) => {
    append('a\n');
    now += 5_000;
    append('b\n');
    log.end();
    expect(await readLog(log.file, { ...all, ...part })).toBe(expected);
  });
});

describe('the size on disk', () => {
  it('is bounded, and the newest lines are kept', async () => {
    const block = `${'x'.repeat(1023)}\n`.repeat(1024);
    for (let i = 0; i < 25; i++) append(block);
    append('last\n');
    log.end();
    const sizes = await Promise.all([log.file, rotatedFile(log.file)].map(async (file) => (await stat(file)).size));
    expect(Math.max(...sizes)).toBeLessThan(7 * 1024 * 1024);
    expect(await readLog(log.file, { ...all, tailLines: 1 })).toBe('last\n');
  });
});

describe('followLog', () => {
  const collect = async (query = all): Promise<string> => {
    let text = '';
    for await (const part of followLog(log, query, new AbortController().signal)) text += part;
    return text;
  };

  it('gives every line once, up to the end', async () => {
    append('before\n');
    const followed = collect();
    for (let i = 0; i < 100; i++) {
      append(`${i}\n`);
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    append('no line end');
    log.end();
    expect(await followed).toBe(`before\n${Array.from({ length: 100 }, (_, i) => `${i}\n`).join('')}no line end`);
  });
});
