/** How often an address may connect of which nothing good is known: each time costs a handshake. */
import { ExpiringSet } from './expiring-set.ts';
import { TokenBuckets } from './token-buckets.ts';

/** So many connections at once, and so many a second. */
const LIMIT = { burst: 200, perSecond: 50 } as const;

/** How long an address is known for one that was of use. An API server that has to leave its connections makes them anew. */
const KNOWN_MS = 120_000;

/** Whoever does nothing but connect would have a server do nothing but handshakes. Those of use may, as often as they like. */
export class NewClientLimit {
  readonly #known: ExpiringSet;
  readonly #unknown: TokenBuckets;

  constructor(now: () => number) {
    this.#known = new ExpiringSet(KNOWN_MS, now);
    this.#unknown = new TokenBuckets({ ...LIMIT, now });
  }

  /** Counts one more connection; false: it is one too many. */
  admit(address: string): boolean {
    return this.#known.has(address) || this.#unknown.take(address);
  }

  /** Remembers that the address was of use just now. */
  know(address: string): void {
    this.#known.add(address);
  }
}
