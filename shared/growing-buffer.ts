/** Bytes that arrive in chunks, as one buffer. */
const EMPTY: Buffer = Buffer.alloc(0);

/**
 * Collects the chunks of a body. A single chunk is kept as it is. Several chunks are copied into one buffer: a chunk of a
 * single byte takes many times its size, and a client may send millions of them.
 */
export class GrowingBuffer {
  #buffer = EMPTY;
  readonly #expectedLength: number;
  length = 0;

  /** `expectedLength`: the length of the whole body, as far as known. */
  constructor(expectedLength: number) {
    this.#expectedLength = expectedLength;
  }

  append(chunk: Buffer): void {
    const length = this.length + chunk.length;
    if (this.length === 0) {
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) this.#grow(Math.max(length, Math.min(2 * length, this.#expectedLength)));
      chunk.copy(this.#buffer, this.length);
    }
    this.length = length;
  }

  /** Releases the memory at once, even if the client keeps the connection open. */
  drop(): void {
    this.#buffer = EMPTY;
    this.length = 0;
  }

  get bytes(): Buffer {
    return this.#buffer.length === this.length ? this.#buffer : this.#buffer.subarray(0, this.length);
  }

  #grow(capacity: number): void {
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, 0, this.length);
    this.#buffer = grown;
  }
}
