/** Gathers the bytes of a body as they come in. */
import type { IncomingMessage } from 'node:http';
import type { BodyReservation, ByteBudget, Sender } from './byte-budget.ts';

/** `ended`: its room has gone to others, as it came too slowly. */
export type GatherProblem = 'too large' | 'no room' | 'ended';

export type Gathered = { readonly bytes: Buffer; readonly hold: BodyReservation } | { readonly problem: GatherProblem };

export interface GatherOptions {
  readonly maxBytes: number;
  readonly room: ByteBudget;
  readonly sender: Sender;
}

/**
 * The whole body, and the room that it holds until its reader gives that back. Resolves as soon as there is too much of it:
 * what still comes is read and dropped, as closing on it would reset the connection before our answer is read. Rejects only
 * when the client goes away.
 */
export async function gather(request: IncomingMessage, { maxBytes, room, sender }: GatherOptions): Promise<Gathered> {
  const body = new GrowingBuffer(Number(request.headers['content-length'] ?? maxBytes));
  return new Promise((resolve, reject) => {
    const refuse = (problem: GatherProblem): void => {
      request.off('data', take);
      request.resume();
      hold.release();
      body.drop();
      resolve({ problem });
    };
    const hold = room.reserve(sender, () => refuse('ended'));
    const take = (chunk: Buffer): void => {
      if (body.length + chunk.length > maxBytes) refuse('too large');
      else if (hold.acquire(chunk.length)) body.append(chunk);
      else refuse('no room');
    };
    const fail = (error: Error): void => {
      hold.release();
      reject(error);
    };
    request.on('data', take);
    request.once('end', () => resolve({ bytes: body.bytes, hold }));
    request.once('error', fail);
    // It comes in any case, and an error that nobody waits for costs as much as parsing the body.
    request.once('close', () => {
      if (!request.complete) fail(new Error('the client disconnected'));
    });
  });
}

const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Most bodies come in one piece, which is kept as it is. Of more pieces the bytes are kept and not the pieces: one that has a
 * single byte takes 350 bytes, and a client may send seven million of them. Three million took 15 MiB, and a list of them 1 GiB.
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

  /** What there is goes at once, however long the client keeps the connection. */
  drop(): void {
    this.#held = NOTHING;
    this.length = 0;
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
