/** How often an address may connect of which nothing good is known: each time costs a handshake. */

/** So many connections at once, and so many a second. */
const AT_ONCE = 200;
const A_SECOND = 50;

/** How long an address is known for one that was of use. An API server that has to leave its connections makes them anew. */
const KNOWN_MS = 120_000;

/** Addresses that are remembered; beyond, the one that was heard of longest ago is forgotten. */
const MAX_ADDRESSES = 4_096;

interface Newcomer {
  left: number;
  at: number;
  knownAt: number;
}

/** Whoever does nothing but connect would have a server do nothing but handshakes. Those of use may, as often as they like. */
export class Newcomers {
  readonly #now: () => number;
  readonly #addresses = new Map<string, Newcomer>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts one more connection; false: it is one too many. */
  admit(address: string): boolean {
    const now = this.#now();
    const newcomer = this.#of(address);
    newcomer.left = Math.min(AT_ONCE, newcomer.left + ((now - newcomer.at) / 1000) * A_SECOND);
    newcomer.at = now;
    if (now - newcomer.knownAt < KNOWN_MS) return true;
    if (newcomer.left < 1) return false;
    newcomer.left -= 1;
    return true;
  }

  /** Remembers that the address was of use just now. */
  know(address: string): void {
    this.#of(address).knownAt = this.#now();
  }

  #of(address: string): Newcomer {
    const newcomer = this.#addresses.get(address) ?? { left: AT_ONCE, at: this.#now(), knownAt: -Infinity };
    this.#addresses.delete(address);
    this.#addresses.set(address, newcomer);
    const [oldest] = this.#addresses.keys();
    if (this.#addresses.size > MAX_ADDRESSES && oldest !== undefined) this.#addresses.delete(oldest);
    return newcomer;
  }
}
