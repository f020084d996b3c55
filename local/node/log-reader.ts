/** Reading a container's log as `kubectl logs` asks for it: filtered, from the end, or followed while it grows. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { previousHalf, type LogFile } from './log-file.ts';

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Unix milliseconds. */
  readonly since?: number;
}

function count(value: string | null): number | undefined {
  return value !== null && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** The query parameters that the API server passes on; unreadable ones count as absent. */
export function parseLogQuery(parameters: URLSearchParams, now: number): LogQuery {
  const flag = (name: string): boolean => ['true', '1'].includes(parameters.get(name) ?? '');
  const seconds = count(parameters.get('sinceSeconds'));
  const time = Date.parse(parameters.get('sinceTime') ?? '');
  const since = seconds === undefined ? (Number.isNaN(time) ? undefined : time) : now - seconds * 1000;
  const tailLines = count(parameters.get('tailLines'));
  const limitBytes = count(parameters.get('limitBytes'));
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
  };
}

/** One stored line as it is shown, with its line end if it had one; undefined when it is older than asked for. */
export function showLine(line: string, query: LogQuery): string | undefined {
  const space = line.indexOf(' ');
  const time = line.slice(0, space);
  if (query.since !== undefined && Date.parse(time) < query.since) return undefined;
  const text = `${line.slice(space + 3)}${line[space + 1] === 'F' ? '\n' : ''}`;
  return query.timestamps ? `${time} ${text}` : text;
}

interface Snapshot {
  /** Whole lines, both halves. */
  readonly lines: readonly string[];
  /** Where the next line of the current half begins, in bytes. */
  readonly end: number;
}

async function snapshot(file: string): Promise<Snapshot> {
  const [before, current] = await Promise.all(
    [previousHalf(file), file].map((name) => readFile(name).catch(() => Buffer.alloc(0))),
  );
  const end = (current?.lastIndexOf(10) ?? -1) + 1; // what follows is still being written
  const text = `${before?.toString('utf8') ?? ''}${current?.subarray(0, end).toString('utf8') ?? ''}`;
  return { lines: text.split('\n').slice(0, -1), end };
}

function show(lines: readonly string[], query: LogQuery): string {
  const shown = lines.map((line) => showLine(line, query)).filter((line) => line !== undefined);
  const last = query.tailLines === undefined ? shown : shown.slice(Math.max(0, shown.length - query.tailLines));
  return last.join('');
}

/** What is there now, filtered and cut as asked. A missing file reads as empty. */
export async function readLog(file: string, query: LogQuery): Promise<string> {
  const text = show((await snapshot(file)).lines, query);
  return query.limitBytes === undefined ? text : Buffer.from(text).subarray(0, query.limitBytes).toString('utf8');
}

/** Yields what is there, then every new line, until the container's log has ended or the signal says stop. Never rejects. */
export async function* followLog(log: LogFile, query: LogQuery, signal: AbortSignal): AsyncGenerator<string> {
  let { generation } = log;
  const first = await snapshot(log.file);
  let offset = first.end;
  yield show(first.lines, query);
  const rest = { ...query, tailLines: Number.MAX_SAFE_INTEGER };
  while (!signal.aborted) {
    const changed = once(log.events, 'changed', { signal }).catch(() => undefined);
    const { ended } = log; // asked before reading: what is written before the end is read below
    const turned = generation !== log.generation;
    const { lines, read } = await readFrom(turned ? previousHalf(log.file) : log.file, offset);
    if (lines.length > 0) yield show(lines, rest);
    offset = turned ? 0 : offset + read;
    if (turned) generation = log.generation;
    else if (ended) return;
    else await changed;
  }
}

/** The whole lines from an offset on, and their size in bytes. */
async function readFrom(
  file: string,
  offset: number,
): Promise<{ readonly lines: readonly string[]; readonly read: number }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(file, { start: offset })) chunks.push(chunk as Buffer);
  } catch {
    return { lines: [], read: 0 }; // gone with its Pod
  }
  const data = Buffer.concat(chunks);
  const read = data.lastIndexOf(10) + 1;
  return { lines: data.subarray(0, read).toString('utf8').split('\n').slice(0, -1), read };
}
