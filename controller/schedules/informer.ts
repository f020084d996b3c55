/**
 * The informer of CronSequentialJobs. It is optional: where they are not installed, or may not be listed, sequences run
 * as before, and the informer tries again with backoff.
 */
import type { CachedSchedule } from '../../shared/api/schedule.ts';
import { Cache, type InternalErrorObserver, type Key, keyOf } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { type ApiError, isApiError } from '../../shared/kube/errors.ts';
import { type InternalErrorContext, Reflector } from '../../shared/kube/reflector.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { StringInterner } from '../../shared/kube/string-interner.ts';
import type { Log } from '../../shared/log.ts';
import { InformerErrors } from '../informer-errors.ts';
import type { Watched } from '../metrics/index.ts';
import { toCachedSchedule } from './transform.ts';

export interface ScheduleInformerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Watch only this namespace; undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly random: () => number;
  /** Called when a schedule must be reconciled. */
  readonly enqueue: (key: Key) => void;
  /** Called when a list or watch failed that should have worked. */
  readonly onWatchError?: ((watched: Watched) => void) | undefined;
  /** Called when a programming error prevented the informer from processing one object, or all. */
  readonly onInternalError?: ((watched: Watched) => void) | undefined;
  /** Called when the API server is reachable again. */
  readonly onReconnect?: () => void;
}

const INFORMER = 'cronsequentialjobs' satisfies Watched;

/** Why there may be no schedules, by the error of the list. */
const ABSENCE = {
  NotFound: 'CronSequentialJobs are not installed: nothing runs on a schedule',
  Forbidden: 'no permission to list and watch CronSequentialJobs: nothing runs on a schedule',
} as const;
type AbsenceCode = keyof typeof ABSENCE;

export class ScheduleInformer {
  /** Many schedules have the same texts. */
  readonly #interner = new StringInterner();
  readonly schedules: Cache<CachedSchedule>;
  readonly #options: ScheduleInformerOptions;
  readonly #reflector: Reflector<CachedSchedule>;
  /** The absence that has been logged, until a watch opens. */
  #logged: AbsenceCode | undefined;

  constructor(options: ScheduleInformerOptions) {
    const { client, log, namespace, random, enqueue, onInternalError, onReconnect } = options;
    const errors = new InformerErrors({ log, onInternalError });
    const record = (error: unknown, at: InternalErrorContext): void => errors.record(INFORMER, error, at);
    const recordObject: InternalErrorObserver = (error, object) => record(error, { object });
    this.#options = options;
    this.schedules = new Cache<CachedSchedule>(undefined, (object) => this.#interner.intern(object), recordObject);
    this.schedules.subscribe(({ object }) => enqueue(keyOf(object)));
    this.#reflector = new Reflector<CachedSchedule>({
      client,
      path: collectionPath(CRON_SEQUENTIAL_JOBS, namespace),
      cache: this.schedules,
      transform: toCachedSchedule,
      onListed: () => this.#interner.endOfInitialLists(),
      onError: (error, retryMs) => this.#logError(error, retryMs),
      onInternalError: record,
      onOpen: () => (this.#logged = undefined),
      onReconnect: () => onReconnect?.(),
      random,
    });
  }

  /** True after the first complete list. */
  get hasSynced(): boolean {
    return this.#reflector.hasSynced;
  }

  /** Resolves after the first complete list; never if there is none. */
  get synced(): Promise<void> {
    return this.#reflector.synced;
  }

  start(): void {
    this.#reflector.start();
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
  }

  /** A missing definition or permission is logged once, until it is there, and is no failed watch. */
  #logError(error: ApiError, retryMs: number): void {
    const { log, onWatchError } = this.#options;
    const fields = { informer: INFORMER, err: error.message, retryMs };
    if (isAbsence(error)) {
      const isLogged = this.#logged === error.code;
      this.#logged = error.code;
      const level = error.code === 'NotFound' ? 'info' : 'warn';
      log[isLogged ? 'debug' : level](fields, ABSENCE[error.code]);
      return;
    }
    if (error.code !== 'Gone') onWatchError?.(INFORMER);
    log[error.code === 'Gone' ? 'debug' : 'warn'](fields, 'watch failed, will retry');
  }
}

const isAbsence = (error: ApiError): error is ApiError & { readonly code: AbsenceCode } =>
  isApiError(error, 'NotFound', 'Forbidden');
