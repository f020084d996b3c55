/** Gathers the bytes of a body as they come in. */
import type { IncomingMessage } from 'node:http';
import type { Room } from './room.ts';

export type Gathered = { readonly bytes: Buffer } | { readonly problem: 'too large' | 'no room' };

/**
 * The whole body. Resolves as soon as there is too much of it: what still comes is read and dropped, as closing on it
 * would reset the connection before our answer is read. Rejects only when the client goes away. The room is given back
 * in any case.
 */
export async function gather(request: IncomingMessage, maxBytes: number, room: Room): Promise<Gathered> {
  const body = new GrowingBuffer(Number(request.headers['content-length'] ?? maxBytes));
  try {
    return await new Promise((resolve, reject) => {
      const refuse = (problem: 'too large' | 'no room'): void => {
        request.off('data', take);
        request.resume();
        resolve({ problem });
      };
      const take = (chunk: Buffer): void => {
        if (body.length + chunk.length > maxBytes) refuse('too large');
        else if (!room.take(chunk.length)) refuse('no room');
        else body.append(chunk);
      };
      request.on('data', take);
      request.once('end', () => resolve({ bytes: body.bytes }));
      request.once('error', reject);
      // It comes in any case, and an error that nobody waits for costs as much as parsing the body.
      request.once('close', () => {
        if (!request.complete) reject(new Error('the client went away'));
      });
    });
  } finally {
    room.give(body.length);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Most bodies come in one piece, which is kept as it is. Of more pieces the bytes are kept and not the pieces: one that has a
 * single byte takes many times its size, and a client may send seven million of them.
 */
class GrowingBuffer {
  #held = NOTHING;
  readonly #most: number;
  length = 0;

  /** `most`: what there will be, as far as is known. */
  constructor(most: number) {
    this.#most = most;
  }

  append(chunk: Buffer): void {
    const length = this.length + chunk.length;
    if (this.length === 0) {
      this.#held = chunk;
    } else {
      if (length > this.#held.length) this.#grow(Math.max(length, Math.min(2 * length, this.#most)));
      chunk.copy(this.#held, this.length);
    }
    this.length = length;
  }

  get bytes(): Buffer {
    return this.#held.length === this.length ? this.#held : this.#held.subarray(0, this.length);
  }

  #grow(capacity: number): void {
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#held.copy(grown, 0, 0, this.length);
    this.#held = grown;
  }
}
