/**
 * A queue that gives each sender the same share of the work, measured by cost: fair queuing as in API Priority and
 * Fairness (KEP-1040), ordered by the virtual time at which each item would finish if all senders were served at
 * once.
 */

interface QueuedItem<T> {
  readonly item: T;
  readonly finishTime: number;
}

export class FairQueue<T> {
  #items: QueuedItem<T>[] = [];
  /** The virtual finish time of each sender's last item. */
  readonly #finishTimes = new Map<string, number>();
  /** The current virtual time. */
  #virtualTime = 0;

  /** Adds an item with its cost behind those of its sender. */
  push(sender: string, cost: number, item: T): void {
    const finishTime = Math.max(this.#virtualTime, this.#finishTimes.get(sender) ?? 0) + cost;
    this.#finishTimes.set(sender, finishTime);
    this.#items.push({ item, finishTime });
  }

  /**
   * Removes and returns the item with the earliest finish time; undefined if the queue is empty. Linear in the length
   * of the queue.
   */
  shift(): T | undefined {
    let first: QueuedItem<T> | undefined;
    for (const one of this.#items) if (first === undefined || one.finishTime < first.finishTime) first = one;
    if (first === undefined) {
      this.#finishTimes.clear();
      this.#virtualTime = 0;
      return undefined;
    }
    this.#items = this.#items.filter((one) => one !== first);
    this.#virtualTime = Math.max(this.#virtualTime, first.finishTime);
    return first.item;
  }
}
