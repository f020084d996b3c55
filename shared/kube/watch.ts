/** The events of a watch: one JSON object per line (`k8s.io/apimachinery/pkg/watch`). */
import type { Readable } from 'node:stream';
import { ApiError, errorFromFailure } from './errors.ts';

export const WATCH_EVENT_TYPES = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;

export interface WatchEvent {
  readonly type: (typeof WATCH_EVENT_TYPES)[number];
  readonly object: unknown;
}

/**
 * Maximum size of one object as JSON. etcd accepts requests of 1.5 MiB, and JSON writes a control character in six
 * bytes; the rest allows for a raised etcd limit.
 */
export const MAX_OBJECT_BYTES = 16 * 1024 * 1024;

/**
 * Yields the events as they arrive; ends when the server ends the stream; rejects with ApiError. A last line without
 * newline was cut off and is dropped: the reflector resumes from the last complete event.
 */
export async function* readWatchEvents(body: Readable): AsyncGenerator<WatchEvent> {
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
      // Decodes whole lines only: a chunk may end inside a multi-byte character.
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
      throw new ApiError('Unexpected', `a watch event is larger than ${MAX_OBJECT_BYTES} bytes`);
  }
}

function parse(line: string): WatchEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new ApiError('Unexpected', `a watch event is not JSON: ${line.slice(0, 80)}`, { cause: error });
  }
  if (!isWatchEvent(value)) throw new ApiError('Unexpected', `malformed watch event: ${line.slice(0, 80)}`);
  return value;
}

/** A proxy between the operator and the API server may answer anything: checks the fields that the reflector reads. */
function isWatchEvent(value: unknown): value is WatchEvent {
  const { type, object } = (value ?? {}) as Partial<WatchEvent>;
  if (!WATCH_EVENT_TYPES.some((known) => known === type)) return false;
  const { metadata } = (object ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } | null };
  return type === 'ERROR' || typeof metadata?.resourceVersion === 'string';
}
