/** A token bucket for each key (a namespace, an address): how often something may be done, and nobody waits. */

export interface TokenBucketsOptions {
  /** Tokens that come back in a second. */
  readonly perSecond: number;
  /** Tokens that there are at most. */
  readonly burst: number;
  /** Milliseconds, of whatever clock. */
  readonly now: () => number;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Beyond, the one that was asked longest ago is forgotten: it is full again by then, or as good as. */
const MAX_BUCKETS = 4096;

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Takes a token, if there is one. */
  take(key: string): boolean {
    const { perSecond, burst, now } = this.#options;
    const at = now();
    const { tokens, at: before } = this.#buckets.get(key) ?? { tokens: burst, at };
    // A clock that was set back takes none away.
    const filled = Math.min(burst, tokens + (Math.max(0, at - before) * perSecond) / 1000);
    const isThere = filled >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isThere ? filled - 1 : filled, at });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
    return isThere;
  }
}
