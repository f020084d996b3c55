/** Reads the body of a review: strict about what it is, bounded in size, never left hanging. */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/**
 * Two objects of the API server's own limit of 3 MiB for a request (apiserver pkg/server/config.go
 * `MaxRequestBodyBytes`), and what is around them.
 */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** A refusal in plain HTTP, for what is no review. */
export interface HttpRefusal {
  readonly status: 400 | 413 | 415;
  readonly message: string;
}

export type Body = { readonly value: unknown } | { readonly refusal: HttpRefusal };

const refuse = (status: HttpRefusal['status'], message: string): Body => ({ refusal: { status, message } });

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/**
 * Reads and parses a JSON body. Resolves as soon as it can be refused: the rest of such a body is thrown away by the
 * caller's answer. Rejects only when the client goes away.
 */
export async function readJson(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<Body> {
  const { headers } = request;
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return refuse(415, 'the content type must be application/json');
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    return refuse(415, 'the body must not have a content encoding');
  }
  const tooLarge = refuse(413, `the body must not have more than ${maxBytes} bytes`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) return tooLarge;
  const bytes = await read(request, maxBytes);
  if (bytes === undefined) return tooLarge;
  if (bytes.length === 0) return refuse(400, 'the body must not be empty');
  if (!isUtf8(bytes)) return refuse(400, 'the body must be UTF-8');
  try {
    // Not express's parser: this is faster, and `__proto__` is a property like any other to it.
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return refuse(400, 'the body must be JSON');
  }
}

/** The bytes; undefined as soon as there are too many. */
async function read(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      request.off('data', take);
      // What still comes is read and dropped: closing on it would reset the connection before our answer is read.
      request.resume();
      resolve(undefined);
    };
    request.on('data', take);
    request.once('end', () => resolve(Buffer.concat(chunks, length)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client went away')));
  });
}
