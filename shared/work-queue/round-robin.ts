/**
 * A queue that is fair between groups: the groups take turns with one item each; within a group the order is first
 * in, first out (fair queuing, as between the flows of API Priority and Fairness). Before each item of its own group,
 * an item waits for at most one item of each other group. Operations take constant time, except that `shift` passes
 * groups that are not eligible.
 */
import { Fifo } from '../fifo.ts';

interface Group<T> {
  readonly name: string;
  readonly items: Fifo<T>;
}

export class RoundRobin<T> {
  readonly #groups = new Map<string, Group<T>>();
  /** Each group with items, once, in the order of turns. */
  readonly #turns = new Fifo<Group<T>>();

  /** Adds an item at the end of its group. A new group gets its turn after all others. */
  push(group: string, item: T): void {
    const existing = this.#groups.get(group);
    if (existing !== undefined) {
      existing.items.push(item);
      return;
    }
    const created: Group<T> = { name: group, items: new Fifo() };
    created.items.push(item);
    this.#groups.set(group, created);
    this.#turns.push(created);
  }

  /**
   * Removes and returns the next item of an eligible group; undefined if there is none. Passes the groups before it
   * that are not eligible; they move to the end of the turns.
   */
  shift(isEligible: (group: string) => boolean = () => true): T | undefined {
    for (let passed = 0, groups = this.#turns.size; passed < groups; passed++) {
      const group = this.#turns.shift();
      if (group === undefined) return undefined;
      const item = isEligible(group.name) ? group.items.shift() : undefined;
      if (group.items.size > 0) this.#turns.push(group);
      else this.#groups.delete(group.name);
      if (item !== undefined) return item;
    }
    return undefined;
  }

  clear(): void {
    this.#groups.clear();
    this.#turns.clear();
  }
}
