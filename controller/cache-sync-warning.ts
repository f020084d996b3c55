/** Warns while the caches wait for their first lists, which has no timeout. */
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';

export interface CacheSyncWarningOptions {
  readonly log: Pick<Log, 'warn'>;
  /** The informers whose first list is not complete. */
  readonly unsynced: () => readonly Watched[];
}

const INTERVAL_MS = 30_000;

export class CacheSyncWarning {
  readonly #options: CacheSyncWarningOptions;
  readonly #lastErrors = new Map<Watched, string>();
  #timer: NodeJS.Timeout | undefined;
  #seconds = 0;

  constructor(options: CacheSyncWarningOptions) {
    this.#options = options;
  }

  /** Warns every 30 s, until `stop`, with the missing informers and the last error of each. */
  start(): void {
    this.#timer ??= setInterval(() => {
      this.#seconds += INTERVAL_MS / 1000;
      this.#warn();
    }, INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Records the last error of an informer that retries. */
  recordError(informer: Watched, message: string): void {
    this.#lastErrors.set(informer, message);
  }

  #warn(): void {
    const informers = this.#options.unsynced();
    if (informers.length === 0) return;
    const errors = Object.fromEntries(informers.map((informer) => [informer, this.#lastErrors.get(informer)]));
    const fields = { informers, waitingSeconds: this.#seconds, errors };
    this.#options.log.warn(fields, 'caches are not synced: reconciles begin when the first lists are complete');
  }
}
