/**
 * Makes long-lived objects small: every string in an answer of the API server is a copy of its own, also where thousands
 * of objects say the same. Of two equal strings one is kept.
 *
 * Of 10,000 finished sequences of three steps, with their Jobs and Pods, the caches keep 70 MiB instead of 97; of five steps 105
 * instead of 144.
 */

/** Strings that are remembered, and as many of those before them; which ones were forgotten costs memory and no more. */
const REMEMBERED = 4_096;
/**
 * The same while lists are read: what names an object in one may come a whole list after it came in the other. Without it the
 * 10,000 took 76 MiB after a restart instead of 71, and of five steps without Pods more than the 8 KB each of docs/performance.md.
 */
const REMEMBERED_AT_START = 131_072;
/** Longer ones are seldom said twice. */
const MAX_LENGTH = 64;

export class Compactor {
  #most = REMEMBERED_AT_START;
  #known = new Map<string, string>();
  #before = new Map<string, string>();

  /** An equal object, for plain JSON; the argument stays as it is. */
  compact<T>(value: T): T {
    // What JSON.parse makes has V8's smallest layout: objects that were put together field by field have room to grow.
    const copy = JSON.parse(JSON.stringify(value)) as T;
    this.#share(copy);
    return copy;
  }

  /** To be told when the lists have been read: from then on equal strings come close to each other. */
  settle(): void {
    this.#most = REMEMBERED;
    this.#known = new Map();
    this.#before = new Map();
  }

  /** In place. */
  #share(within: unknown): void {
    if (typeof within !== 'object' || within === null) return;
    const fields = within as Record<string, unknown>;
    for (const field of Object.keys(fields)) {
      const value = fields[field];
      if (typeof value === 'string') fields[field] = this.#shared(value);
      else this.#share(value);
    }
  }

  #shared(text: string): string {
    if (text.length > MAX_LENGTH) return text;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const kept = this.#before.get(text) ?? text;
    if (this.#known.size >= this.#most) {
      this.#before = this.#known;
      this.#known = new Map();
    }
    this.#known.set(kept, kept);
    return kept;
  }
}
