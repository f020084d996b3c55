/** Limits how often an address without a trusted connection may connect: each TLS handshake costs CPU time. */
import { ExpiringSet } from './expiring-set.ts';
import { TokenBuckets } from './token-buckets.ts';

/** New connections of one unknown address. */
const LIMIT = { burst: 200, perSecond: 50 } as const;

/**
 * How long an address stays known after its connection became trusted. An API server that has to leave its
 * connections opens new ones in this time.
 */
const KNOWN_MS = 120_000;

/** Limits the connections of unknown addresses. Known addresses are not limited. */
export class NewClientLimit {
  readonly #known: ExpiringSet;
  readonly #unknown: TokenBuckets;

  constructor(now: () => number) {
    this.#known = new ExpiringSet(KNOWN_MS, now);
    this.#unknown = new TokenBuckets({ ...LIMIT, now });
  }

  /** Counts a new connection; false if it exceeds the limit. */
  admit(address: string): boolean {
    return this.#known.has(address) || this.#unknown.take(address);
  }

  /** Marks the address as known from now on. */
  markKnown(address: string): void {
    this.#known.add(address);
  }
}
