/** Measures how quickly a step follows the one before it. */
import type { Key } from '../../shared/kube/cache.ts';

export interface StepLatencyOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly observe: (ms: number) => void;
}

/**
 * From the moment the end of a step's Job was seen here to the answer to the creation of the next Job. The times of
 * the API server are whole seconds, and of other clocks. Holds one number for each sequence between two steps.
 */
export class StepLatencyTracker {
  readonly #options: StepLatencyOptions;
  readonly #endSeen = new Map<Key, number>();

  constructor(options: StepLatencyOptions) {
    this.#options = options;
  }

  /** A step of the sequence has ended. The last one counts: one before it may have been handed on by another leader. */
  stepEnded(key: Key): void {
    this.#endSeen.set(key, this.#options.now());
  }

  /** The next Job is there. */
  stepStarted(key: Key): void {
    const seen = this.#endSeen.get(key);
    if (seen === undefined) return;
    this.#endSeen.delete(key);
    this.#options.observe(this.#options.now() - seen);
  }

  /**
   * A reconcile that began at `since` went well, so what it did not start is not due: the sequence is over, suspended, or
   * waits for something. What ended during the reconcile is the next one's.
   */
  reconciled(key: Key, since: number): void {
    const seen = this.#endSeen.get(key);
    if (seen !== undefined && seen <= since) this.#endSeen.delete(key);
  }
}
