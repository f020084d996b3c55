/** Reads the body of a review: strict about what it is, bounded in size, never left hanging. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { gather, type GatherOptions, type GatherProblem } from './gather.ts';
import { hasMoreValues, MAX_VALUES } from './values.ts';

/**
 * Two objects of the API server's own limit of 3 MiB for a request (apiserver pkg/server/config.go
 * `MaxRequestBodyBytes`), and what is around them.
 */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** A refusal in plain HTTP, for what is no review. */
export interface HttpRefusal {
  readonly status: 400 | 408 | 413 | 415 | 429;
  readonly message: string;
}

/** A body that can be judged. It counts against the room of all bodies until it is released. */
export interface JsonBody {
  readonly value: unknown;
  readonly bytes: number;
  readonly release: () => void;
}

interface Refused {
  readonly refusal: HttpRefusal;
}

const refuse = (status: HttpRefusal['status'], message: string): Refused => ({ refusal: { status, message } });

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/**
 * Reads and parses a JSON body. Resolves as soon as it can be refused: the rest of such a body is thrown away by the
 * caller's answer. Rejects only when the client goes away.
 */
export async function readJson(request: IncomingMessage, options: GatherOptions): Promise<JsonBody | Refused> {
  const { headers } = request;
  const { maxBytes } = options;
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return refuse(415, 'the content type must be application/json');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return refuse(415, 'the body must not have a content encoding');
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) return refusalOf('too large', maxBytes);
  const body = await gather(request, options);
  if ('problem' in body) return refusalOf(body.problem, maxBytes);
  const parsed = parse(body.bytes);
  if ('refusal' in parsed) body.hold.release();
  return 'refusal' in parsed ? parsed : { ...parsed, bytes: body.bytes.length, release: () => body.hold.release() };
}

function refusalOf(problem: GatherProblem, maxBytes: number): Refused {
  switch (problem) {
    case 'too large':
      return refuse(413, `the body must not have more than ${maxBytes} bytes`);
    case 'no room':
      return refuse(429, 'too many bodies at once');
    case 'ended':
      return refuse(408, 'the body came too slowly while others needed its room');
  }
}

function parse(bytes: Buffer): Refused | { readonly value: unknown } {
  if (bytes.length === 0) return refuse(400, 'the body must not be empty');
  if (!isUtf8(bytes)) return refuse(400, 'the body must be UTF-8');
  if (hasMoreValues(bytes)) return refuse(413, `the body must not have more than ${MAX_VALUES} values`);
  try {
    // `__proto__` is a property like any other to it.
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return refuse(400, 'the body must be JSON');
  }
}
