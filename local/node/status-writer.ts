/** Brings the newest status of one Pod to the API, one request at a time, however fast the news come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isApiError } from '../../shared/kube/errors.ts';
import type { PodStatus } from './objects.ts';

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 5_000;

export class StatusWriter {
  readonly #write: (status: PodStatus) => Promise<void>;
  readonly #signal: AbortSignal;
  #next: PodStatus | undefined;
  #written = '';
  #writing: Promise<void> | undefined;

  /** `write` brings a status to the API; the signal ends all retries. */
  constructor(write: (status: PodStatus) => Promise<void>, signal: AbortSignal) {
    this.#write = write;
    this.#signal = signal;
  }

  /** Takes a status; one that is overtaken by the next before its turn is never sent. Never throws. */
  offer(status: PodStatus): void {
    this.#next = status;
    this.#writing ??= this.#drain().finally(() => (this.#writing = undefined));
  }

  /** Resolves when the last status offered has been accepted, or can't be any more. Never rejects. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    let failures = 0;
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
        if (isApiError(error, 'Conflict')) return; // another Pod of that name: ours is gone
        this.#next ??= status;
        const delay = Math.min(FIRST_RETRY_MS * 2 ** failures++, LONGEST_RETRY_MS);
        await sleep(delay, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }
}
