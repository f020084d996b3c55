import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { type WatchEvent, readWatchEvents } from '../../../../shared/kube/watch.ts';

function body(...chunks: readonly (string | Buffer)[]): Readable {
  return Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
}

async function collect(stream: Readable): Promise<{ readonly frames: readonly WatchEvent[]; readonly error: unknown }> {
  const frames: WatchEvent[] = [];
  try {
    for await (const frame of readWatchEvents(stream)) frames.push(frame);
    return { frames, error: undefined };
  } catch (error) {
    return { frames, error };
  }
}

const ADDED = { type: 'ADDED', object: { metadata: { name: 'a', resourceVersion: '7' } } } as const;
const DELETED = { type: 'DELETED', object: { metadata: { name: 'ü€😀', resourceVersion: '8' } } } as const;
const line = (frame: unknown): string => `${JSON.stringify(frame)}\n`;

/** Chunks that end at these offsets. */
function cut(whole: Buffer, offsets: readonly number[]): readonly Buffer[] {
  const ends = [...new Set([...offsets, whole.length])].sort((a, b) => a - b);
  return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
}

describe('readFrames', () => {
  it.each<readonly [string, readonly string[], readonly unknown[]]>([
    ['nothing at all', [], []],
    ['an event in one chunk', [line(ADDED)], [ADDED]],
    ['a newline in a separate chunk', [JSON.stringify(ADDED), '\n'], [ADDED]],
    ['empty lines between events', [`\n${line(ADDED)}\n\n${line(DELETED)}`], [ADDED, DELETED]],
    ['a last line without its newline is dropped', [line(ADDED), JSON.stringify(DELETED)], [ADDED]],
    [
      'an error without a resourceVersion',
      [line({ type: 'ERROR', object: { code: 410 } })],
      [{ type: 'ERROR', object: { code: 410 } }],
    ],
  ])('%s', async (_says, chunks, expected) => {
    expect(await collect(body(...chunks))).toEqual({ frames: expected, error: undefined });
  });

  it('returns the same events for any chunk boundaries, also inside a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 6 }),
        fc.array(fc.nat(600), { maxLength: 12 }),
        async (names, offsets) => {
          const frames = names.map((name) => ({
            type: 'MODIFIED',
            object: { metadata: { name, resourceVersion: '7' } },
          }));
          const whole = Buffer.from(frames.map(line).join(''));
          const chunks = cut(
            whole,
            offsets.filter((offset) => offset > 0 && offset < whole.length),
          );
          expect(await collect(body(...chunks))).toEqual({ frames, error: undefined });
        },
      ),
    );
  });

  it('limits the length of a line, not of the stream', async () => {
    const half = Buffer.alloc(512 * 1024, ' ');
    const chunks = Array.from({ length: 40 }, () => [half, Buffer.from(line(ADDED))]).flat();
    expect((await collect(body(...chunks))).frames).toHaveLength(40);
  });

  it.each<readonly [string, () => Readable, ApiErrorCode, RegExp]>([
    ['a line that is not JSON', () => body(line(ADDED), 'garbage here\n'), 'Unexpected', /is not JSON: garbage here$/],
    ['null', () => body(line(ADDED), 'null\n'), 'Unexpected', /malformed watch event: null$/],
    [
      'an unknown event type',
      () => body(line(ADDED), line({ ...ADDED, type: 'X' })),
      'Unexpected',
      /malformed watch event/,
    ],
    [
      'an event without an object',
      () => body(line(ADDED), line({ type: 'ADDED' })),
      'Unexpected',
      /malformed watch event/,
    ],
    [
      'an object without a resourceVersion',
      () => body(line(ADDED), line({ type: 'ADDED', object: { metadata: { name: 'a' } } })),
      'Unexpected',
      /malformed watch event/,
    ],
    ['a line that does not end', () => body(line(ADDED), ...endless()), 'Unexpected', /larger than 16777216 bytes/],
    ['a closed connection', () => failing('ECONNRESET'), 'Unreachable', /cut/],
    ['a silent connection', () => failing('UND_ERR_BODY_TIMEOUT'), 'Timeout', /cut/],
  ])('%s is an ApiError, after the events before it', async (_says, stream, code, message) => {
    const { frames, error } = await collect(stream());
    expect(frames).toEqual([ADDED]);
    expect(error).toMatchObject({ name: 'ApiError', code });
    expect((error as Error).message).toMatch(message);
  });

  it('closes the stream when the reader stops', async () => {
    const stream = body(line(ADDED), line(DELETED));
    for await (const frame of readWatchEvents(stream)) {
      expect(frame).toEqual(ADDED);
      break;
    }
    expect(stream.destroyed).toBe(true);
  });
});

function endless(): readonly Buffer[] {
  const mebibyte = Buffer.alloc(1024 * 1024, 'x');
  return Array.from({ length: 17 }, () => mebibyte);
}

function failing(code: string): Readable {
  return Readable.from(
    (async function* () {
      yield Buffer.from(line(ADDED));
      throw Object.assign(new Error('cut'), { code });
    })(),
    { objectMode: false },
  );
}
