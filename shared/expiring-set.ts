/** A set whose keys expire. */

const MAX_KEYS = 4096;

/** Keeps each key for `ms` milliseconds of the given clock. Holds at most 4096 keys and drops the oldest first. */
export class ExpiringSet {
  readonly #ms: number;
  readonly #now: () => number;
  /** The time at which each key was added, oldest first. */
  readonly #added = new Map<string, number>();

  constructor(ms: number, now: () => number) {
    this.#ms = ms;
    this.#now = now;
  }

  has(key: string): boolean {
    const age = this.#now() - (this.#added.get(key) ?? -Infinity);
    // A clock that is set back must not extend the lifetime.
    return age >= 0 && age < this.#ms;
  }

  add(key: string): void {
    this.#added.delete(key);
    this.#added.set(key, this.#now());
    const [oldest] = this.#added.keys();
    if (this.#added.size > MAX_KEYS && oldest !== undefined) this.#added.delete(oldest);
  }
}
