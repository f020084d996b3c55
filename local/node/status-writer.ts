/** Writes the newest status of one Pod to the API server, one request at a time. */
import { backoffDelay } from '../../shared/backoff.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { sleep } from '../../shared/sleep.ts';
import type { PodStatus } from './objects.ts';

/** Between two tries of one request of the node. */
export const RETRY = { baseMs: 200, maxMs: 5_000 } as const;

export class StatusWriter {
  readonly #write: (status: PodStatus) => Promise<void>;
  readonly #signal: AbortSignal;
  #next: PodStatus | undefined;
  #written = '';
  #writing: Promise<void> | undefined;

  /** `write` sends a status to the API server; the signal ends all retries. */
  constructor(write: (status: PodStatus) => Promise<void>, signal: AbortSignal) {
    this.#write = write;
    this.#signal = signal;
  }

  /** Queues a status in place of one that has not been sent yet. Never throws. */
  update(status: PodStatus): void {
    this.#next = status;
    this.#writing ??= this.#drain();
  }

  /** Resolves when the last status has been written, or has failed for good. Never rejects. */
  async flushed(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // so that `update` has set `#writing` before the end unsets it
    let failures = 0;
    try {
      while (this.#next !== undefined && !this.#signal.aborted) {
        const status = this.#next;
        const text = JSON.stringify(status);
        this.#next = undefined;
        if (text === this.#written) continue;
        try {
          await this.#write(status);
          this.#written = text;
          failures = 0;
        } catch (error) {
          if (isApiError(error) && !error.transient) return;
          if (isApiError(error, 'Conflict')) return; // the Pod was deleted, and another one has its name
          this.#next ??= status;
          await sleep(backoffDelay(++failures, RETRY, Math.random), this.#signal);
        }
      }
    } finally {
      // In the same turn as the last look at `#next`: no status is too late for this loop and too early for another.
      this.#writing = undefined;
    }
  }
}
