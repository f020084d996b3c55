/**
 * A queue in which each sender gets the same share of the work, by what it costs and not by how much of it there is: fair queuing,
 * as the API server has it between flows (KEP-1040), with the time that each one would end at if all were worked on at once.
 */

interface Waiting<T> {
  readonly item: T;
  readonly ends: number;
}

export class FairQueue<T> {
  #waiting: Waiting<T>[] = [];
  /** When the last item of each sender ends. */
  readonly #ends = new Map<string, number>();
  /** Up to here everybody has been given the same. */
  #now = 0;

  /** Puts an item of that cost behind those of its sender. */
  push(sender: string, cost: number, item: T): void {
    const ends = Math.max(this.#now, this.#ends.get(sender) ?? 0) + cost;
    this.#ends.set(sender, ends);
    this.#waiting.push({ item, ends });
  }

  /** The item that would end first; undefined when there is none. Takes time for each that waits. */
  shift(): T | undefined {
    let first: Waiting<T> | undefined;
    for (const one of this.#waiting) if (first === undefined || one.ends < first.ends) first = one;
    if (first === undefined) {
      this.#ends.clear();
      this.#now = 0;
      return undefined;
    }
    this.#waiting = this.#waiting.filter((one) => one !== first);
    this.#now = Math.max(this.#now, first.ends);
    return first.item;
  }
}
