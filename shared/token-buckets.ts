/** A token bucket for each key (a namespace, an IP address): limits how often an action is allowed, without waiting. */

export interface TokenBucketsOptions {
  /** Tokens added per second. */
  readonly perSecond: number;
  /** Maximum number of tokens in a bucket. */
  readonly burst: number;
  /** Milliseconds; any clock. */
  readonly now: () => number;
}

interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/** Beyond this number the least recently used bucket is dropped: by then it is full again, or nearly. */
const MAX_BUCKETS = 4096;

export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Takes a token; false if the bucket is empty. */
  take(key: string): boolean {
    const { perSecond, burst, now } = this.#options;
    const at = now();
    const { tokens, at: before } = this.#buckets.get(key) ?? { tokens: burst, at };
    // A clock that is set back must not remove tokens.
    const available = Math.min(burst, tokens + (Math.max(0, at - before) * perSecond) / 1000);
    const hasToken = available >= 1;
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: hasToken ? available - 1 : available, at });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
    return hasToken;
  }
}
