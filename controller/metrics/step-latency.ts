/** Measures the delay between the end of a step and the start of the next one. */
import type { Key } from '../../shared/kube/cache.ts';

export interface StepLatencyOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly observe: (ms: number) => void;
}

/**
 * Measures from the watch event of the end of a step's Job to the answer to the creation of the next Job. The
 * timestamps of the API server are whole seconds of other clocks. Holds one number for each sequence between two steps.
 */
export class StepLatencyTracker {
  readonly #options: StepLatencyOptions;
  readonly #endSeen = new Map<Key, number>();

  constructor(options: StepLatencyOptions) {
    this.#options = options;
  }

  /** A step of the sequence has ended. The latest end counts: another leader may have handled an earlier one. */
  stepEnded(key: Key): void {
    this.#endSeen.set(key, this.#options.now());
  }

  /** The next Job has been created. */
  stepStarted(key: Key): void {
    const seen = this.#endSeen.get(key);
    if (seen === undefined) return;
    this.#endSeen.delete(key);
    this.#options.observe(this.#options.now() - seen);
  }

  /**
   * A reconcile that began at `since` succeeded. If it started no step, none is due: the sequence has ended, is
   * suspended, or waits. Ends seen during the reconcile belong to the next one.
   */
  reconciled(key: Key, since: number): void {
    const seen = this.#endSeen.get(key);
    if (seen !== undefined && seen <= since) this.#endSeen.delete(key);
  }
}
