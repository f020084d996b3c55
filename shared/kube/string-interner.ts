/**
 * Reduces the memory of long-lived objects: JSON.parse makes a new copy of every string, even if thousands of objects
 * contain the same one. Of equal strings one is kept.
 */

/** Size of one generation of remembered strings; there are two. Forgetting a string only costs memory. */
const GENERATION_SIZE = 4_096;
/** The same during the initial lists: a string of one list may recur only in the next list. */
const INITIAL_GENERATION_SIZE = 131_072;
/** Longer strings are rarely repeated. */
const MAX_LENGTH = 64;

export class StringInterner {
  #generationSize = INITIAL_GENERATION_SIZE;
  #current = new Map<string, string>();
  #previous = new Map<string, string>();

  /** An equal copy of plain JSON; the argument is not changed. */
  intern<T>(value: T): T {
    // Objects from JSON.parse have V8's smallest layout; objects that are built field by field reserve space to grow.
    const copy = JSON.parse(JSON.stringify(value)) as T;
    this.#internStrings(copy);
    return copy;
  }

  /** Call it after the initial lists: from then on equal strings arrive close to each other. */
  endOfInitialLists(): void {
    this.#generationSize = GENERATION_SIZE;
    this.#current = new Map();
    this.#previous = new Map();
  }

  /** Changes `within`. */
  #internStrings(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    const fields = value as Record<string, unknown>;
    for (const field of Object.keys(fields)) {
      const value = fields[field];
      if (typeof value === 'string') fields[field] = this.#internString(value);
      else this.#internStrings(value);
    }
  }

  #internString(text: string): string {
    if (text.length > MAX_LENGTH) return text;
    const known = this.#current.get(text);
    if (known !== undefined) return known;
    const kept = this.#previous.get(text) ?? text;
    if (this.#current.size >= this.#generationSize) {
      this.#previous = this.#current;
      this.#current = new Map();
    }
    this.#current.set(kept, kept);
    return kept;
  }
}
