/** Keys that are remembered for a while. */

const MAX_KEYS = 4096;

/** Holds each key for so many milliseconds of the clock that is passed in; at most 4096, the oldest are forgotten first. */
export class ExpiringSet {
  readonly #ms: number;
  readonly #now: () => number;
  /** When each was added, oldest first. */
  readonly #added = new Map<string, number>();

  constructor(ms: number, now: () => number) {
    this.#ms = ms;
    this.#now = now;
  }

  has(key: string): boolean {
    const age = this.#now() - (this.#added.get(key) ?? -Infinity);
    // A clock that was set back must not make it last longer.
    return age >= 0 && age < this.#ms;
  }

  add(key: string): void {
    this.#added.delete(key);
    this.#added.set(key, this.#now());
    const [oldest] = this.#added.keys();
    if (this.#added.size > MAX_KEYS && oldest !== undefined) this.#added.delete(oldest);
  }
}
