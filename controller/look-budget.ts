/** How many questions each namespace may have asked of the API server: a token bucket for each, and nobody waits. */

export interface LookBudgetOptions {
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

/** The oldest are forgotten first: they are full again by then, or as good as. */
const MAX_BUCKETS = 4096;

export class LookBudget {
  readonly #options: LookBudgetOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: LookBudgetOptions) {
    this.#options = options;
  }

  /** Takes a token, if there is one. */
  take(namespace: string): boolean {
    const { perSecond, burst, now } = this.#options;
    const at = now();
    const { tokens, at: before } = this.#buckets.get(namespace) ?? { tokens: burst, at };
    // A clock that was set back takes none away.
    const filled = Math.min(burst, tokens + (Math.max(0, at - before) * perSecond) / 1000);
    const isThere = filled >= 1;
    this.#buckets.delete(namespace);
    this.#buckets.set(namespace, { tokens: isThere ? filled - 1 : filled, at });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
    return isThere;
  }
}
