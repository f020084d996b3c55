/** Reads the bytes of a review: strict about what they are said to be, bounded in size, never left hanging. */
import type { IncomingMessage } from 'node:http';
import { gather, type GatherOptions, type GatherProblem } from './read-body.ts';
import type { BodyReservation } from './byte-budget.ts';

/**
 * Two objects of the API server's own limit of 3 MiB for a request (apiserver pkg/server/config.go
 * `MaxRequestBodyBytes`), and what is around them.
 */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** A refusal in plain HTTP, for what is no review. */
export interface HttpRefusal {
  readonly status: 400 | 408 | 413 | 415 | 429;
  readonly message: string;
  /** It is refused for want of room or memory, and not for what the client has sent. */
  readonly isOurs?: true;
}

/** A body that is there. It counts against the room of all bodies until its hold is released. */
export interface Body {
  readonly bytes: Buffer;
  readonly hold: BodyReservation;
}

interface Refused {
  readonly refusal: HttpRefusal;
}

const refuse = (status: HttpRefusal['status'], message: string): Refused => ({ refusal: { status, message } });

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/**
 * Reads the body of a review. Resolves as soon as it can be refused: the rest of such a body is thrown away by the
 * caller's answer. Rejects only when the client goes away.
 */
export async function readBody(request: IncomingMessage, options: GatherOptions): Promise<Body | Refused> {
  const { headers } = request;
  const { maxBytes } = options;
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return refuse(415, 'the content type must be application/json');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return refuse(415, 'the body must not have a content encoding');
  }
  if (Number(headers['content-length'] ?? 0) > maxBytes) return refusalOf('too large', maxBytes);
  const body = await gather(request, options);
  return 'problem' in body ? refusalOf(body.problem, maxBytes) : body;
}

function refusalOf(problem: GatherProblem, maxBytes: number): Refused {
  switch (problem) {
    case 'too large':
      return refuse(413, `the body must not have more than ${maxBytes} bytes`);
    case 'no room':
      return { refusal: { status: 429, message: 'too many concurrent request bodies', isOurs: true } };
    case 'ended': {
      const message = 'the body arrived too slowly while other requests needed its memory';
      return { refusal: { status: 408, message, isOurs: true } };
    }
  }
}
