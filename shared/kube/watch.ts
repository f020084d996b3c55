/** The frames of a watch: one JSON object per line (KEP-less, as old as Kubernetes: `k8s.io/apimachinery/pkg/watch`). */
import type { Readable } from 'node:stream';
import { ApiError, errorFromFailure } from './errors.ts';

export const FRAME_TYPES = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;

export interface Frame {
  readonly type: (typeof FRAME_TYPES)[number];
  readonly object: unknown;
}

/**
 * The most that one object can be as JSON: etcd takes requests of 1.5 MiB, of which JSON writes a control character in six
 * bytes; the rest is room for what an administrator has raised.
 */
export const MAX_OBJECT_BYTES = 16 * 1024 * 1024;

/**
 * Yields the frames as they come; ends when the server ends the stream; rejects with ApiError. A last line without
 * its newline is a stream cut in mid-body and is dropped: the reflector resumes from the last whole frame.
 */
export async function* readFrames(body: Readable): AsyncGenerator<Frame> {
  try {
    for await (const line of lines(body)) {
      if (line.length > 0) yield parse(line);
    }
  } catch (error) {
    throw errorFromFailure(error);
  }
}

async function* lines(body: Readable): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      // Only a whole line is decoded: a chunk may end inside a multi-byte character.
      const tail = chunk.subarray(start, end);
      yield (pending.length === 0 ? tail : Buffer.concat([...pending, tail])).toString('utf8');
      pending = [];
      size = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pending.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > MAX_OBJECT_BYTES)
      throw new ApiError('Unexpected', `a watch frame is larger than ${MAX_OBJECT_BYTES} bytes`);
  }
}

function parse(line: string): Frame {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ApiError('Unexpected', `a watch frame is no JSON: ${line.slice(0, 80)}`, { cause: error });
  }
  if (!isFrame(value)) throw new ApiError('Unexpected', `a watch frame makes no sense: ${line.slice(0, 80)}`);
  return value;
}

/** Whatever stands between us and the API server may say anything: a frame has what its reader goes by. */
function isFrame(value: unknown): value is Frame {
  const { type, object } = (value ?? {}) as Partial<Frame>;
  if (!FRAME_TYPES.some((known) => known === type)) return false;
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } | null };
  return type === 'ERROR' || typeof metadata?.resourceVersion === 'string';
}
