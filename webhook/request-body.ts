/** Reads the body of a review: checks its headers and limits its size. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readBytes, type ReadOptions, type ReadProblem } from './read-body.ts';
import type { BodyReservation } from './byte-budget.ts';

/**
 * Two objects of the API server's own request limit of 3 MiB (apiserver pkg/server/config.go `MaxRequestBodyBytes`),
 * and the review around them.
 */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** A plain HTTP refusal of a request that is not a valid review. */
export interface HttpRefusal {
  readonly status: 400 | 408 | 413 | 415 | 429;
  readonly message: string;
  /** Set if the reason is missing memory and not the request. */
  readonly isServerSide?: true;
}

/** A complete body. It counts against the budget until its reservation is released. */
export interface Body {
  readonly bytes: Buffer;
  readonly reservation: BodyReservation;
}

interface RefusedBody {
  readonly refusal: HttpRefusal;
}

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/**
 * Reads the body of a review. Resolves as soon as the body is refused; the rest of it is dropped. Rejects only if the
 * client disconnects.
 */
export async function readBody(request: IncomingMessage, options: ReadOptions): Promise<Body | RefusedBody> {
  const { maxBytes } = options;
  const refusal = refusalByHeaders(request.headers, maxBytes);
  if (refusal !== undefined) return { refusal };
  const body = await readBytes(request, options);
  return 'problem' in body ? { refusal: refusalOf(body.problem, maxBytes) } : body;
}

/** Why a body is not read; undefined if it is. */
export function refusalByHeaders(headers: IncomingHttpHeaders, maxBytes: number): HttpRefusal | undefined {
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    return { status: 415, message: 'the content type must be application/json' };
  }
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return { status: 415, message: 'the body must not have a content encoding' };
  }
  return Number(headers['content-length'] ?? 0) > maxBytes ? refusalOf('too large', maxBytes) : undefined;
}

export function refusalOf(problem: ReadProblem, maxBytes: number): HttpRefusal {
  switch (problem) {
    case 'too large':
      return { status: 413, message: `the body must not have more than ${maxBytes} bytes` };
    case 'no memory':
      return { status: 429, message: 'too many concurrent request bodies', isServerSide: true };
    case 'evicted': {
      const message = 'the body arrived too slowly while other requests needed its memory';
      return { status: 408, message, isServerSide: true };
    }
  }
}
