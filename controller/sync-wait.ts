/** The wait for the first lists, which has no end of its own: the log says what is waited for, as long as it lasts. */
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';

export interface SyncWaitOptions {
  readonly log: Pick<Log, 'warn'>;
  /** The informers whose first list is not complete. */
  readonly missing: () => readonly Watched[];
}

const REMIND_MS = 30_000;

export class SyncWait {
  readonly #options: SyncWaitOptions;
  readonly #lastErrors = new Map<Watched, string>();
  #timer: NodeJS.Timeout | undefined;
  #seconds = 0;

  constructor(options: SyncWaitOptions) {
    this.#options = options;
  }

  /** Warns every 30 s, until `stop`, of the informers that are missing and of what each has failed with last. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#seconds += REMIND_MS / 1000;
      this.#remind();
    }, REMIND_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** An informer has failed, and tries again. */
  failed(informer: Watched, message: string): void {
    this.#lastErrors.set(informer, message);
  }

  #remind(): void {
    const informers = this.#options.missing();
    if (informers.length === 0) return;
    const errors = Object.fromEntries(informers.map((informer) => [informer, this.#lastErrors.get(informer)]));
    const fields = { informers, waitingSeconds: this.#seconds, errors };
    this.#options.log.warn(fields, 'caches are not synced: reconciles begin when the first lists are complete');
  }
}
