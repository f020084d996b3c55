/**
 * A queue that is fair between groups: they take turns, an item each, and within a group the first comes first (what
 * the API server's priority and fairness calls fair queuing between flows). An item waits for one of each other group at
 * most before each of its own group that is ahead of it, however many wait there. Operations take constant time, but for groups
 * that may not have a turn.
 */
import { Fifo } from '../fifo.ts';

interface Group<T> {
  readonly name: string;
  readonly items: Fifo<T>;
}

export class RoundRobin<T> {
  readonly #groups = new Map<string, Group<T>>();
  /** Every group that has items, once, in the order of their turns. */
  readonly #turns = new Fifo<Group<T>>();

  /** Puts an item behind those of its group; a group that had none has its turn after all others. */
  push(group: string, item: T): void {
    const known = this.#groups.get(group);
    if (known !== undefined) {
      known.items.push(item);
      return;
    }
    const made: Group<T> = { name: group, items: new Fifo() };
    made.items.push(item);
    this.#groups.set(group, made);
    this.#turns.push(made);
  }

  /**
   * The next item of a group that may have a turn; undefined when there is none. It takes time for each group before it that may
   * not, and those come after all others then.
   */
  shift(may: (group: string) => boolean = () => true): T | undefined {
    for (let looked = 0, groups = this.#turns.size; looked < groups; looked++) {
      const group = this.#turns.shift();
      if (group === undefined) return undefined;
      const item = may(group.name) ? group.items.shift() : undefined;
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
