/** Reads the bytes of a review: strict about what they are said to be, bounded in size, never left hanging. */
import type { IncomingMessage } from 'node:http';
import { gather } from './gather.ts';
import type { Room } from './room.ts';

/**
 * Two objects of the API server's own limit of 3 MiB for a request (apiserver pkg/server/config.go
 * `MaxRequestBodyBytes`), and what is around them.
 */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** A refusal in plain HTTP, for what is no review. */
export interface HttpRefusal {
  readonly status: 400 | 413 | 415 | 429;
  readonly message: string;
}

export type Body = { readonly bytes: Buffer } | { readonly refusal: HttpRefusal };

const refuse = (status: HttpRefusal['status'], message: string): Body => ({ refusal: { status, message } });

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/**
 * Reads the body of a review. Resolves as soon as it can be refused: the rest of such a body is thrown away by the
 * caller's answer. Rejects only when the client goes away.
 */
export async function readBody(request: IncomingMessage, room: Room, maxBytes = MAX_BODY_BYTES): Promise<Body> {
  const { headers } = request;
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return refuse(415, 'the content type must be application/json');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return refuse(415, 'the body must not have a content encoding');
  }
  const tooLarge = (): Body => refuse(413, `the body must not have more than ${maxBytes} bytes`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) return tooLarge();
  const body = await gather(request, maxBytes, room);
  if ('problem' in body) return body.problem === 'too large' ? tooLarge() : refuse(429, 'too many bodies at once');
  return body;
}
