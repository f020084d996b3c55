/** The workers of a queue: each takes a key, reconciles it, and schedules the next reconcile. */
import type { Key } from '../shared/kube/cache.ts';
import { isApiError } from '../shared/kube/errors.ts';
import type { Log } from '../shared/log.ts';
import { TimeSlices } from '../shared/time-slices.ts';
import type { WorkQueue } from '../shared/work-queue/work-queue.ts';
import type { ReconcileOutcome } from './metrics/reconcile.ts';

export interface ReconcileLoopOptions {
  readonly queue: WorkQueue;
  /** Number of concurrent reconciles. */
  readonly workers: number;
  /** As `reconcile` of reconcile.ts. */
  readonly reconcile: (key: Key) => Promise<{ readonly requeueAfterMs: number | undefined }>;
  /** Awaited before each key is taken. */
  readonly waitForCapacity: () => Promise<void>;
  /** Awaited before each key is reconciled; false: the worker ends. */
  readonly mayReconcile: () => Promise<boolean>;
  /** Describes a key in the log. */
  readonly logFields: (key: Key) => Readonly<Record<string, unknown>>;
  readonly log: Pick<Log, 'debug' | 'warn' | 'error'>;
  /** Runs and counts a reconcile. */
  readonly recorder?: { reconcile(key: Key, run: () => Promise<ReconcileOutcome>): Promise<void> } | undefined;
}

/** Backoff for transient errors: at most 5 minutes between two tries. */
export const RECONCILE_BACKOFF = { baseMs: 250, maxMs: 300_000 } as const;

export class ReconcileLoop {
  readonly #options: ReconcileLoopOptions;
  /** A reconcile that sends no request, as those of finished sequences, does not wait for anything. */
  readonly #slices = new TimeSlices();
  #workers: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(options: ReconcileLoopOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopping) return;
    this.#workers = Promise.all(Array.from({ length: this.#options.workers }, () => this.#work()));
  }

  /** Takes no more keys, and schedules no more. Await `ended` afterwards. */
  close(): void {
    this.#stopping = true;
    this.#options.queue.close();
  }

  /** Resolves when the running reconciles have ended. */
  get ended(): Promise<unknown> {
    return this.#workers;
  }

  async #work(): Promise<void> {
    const { queue, recorder, waitForCapacity, mayReconcile } = this.#options;
    for (;;) {
      if (queue.depth === 0) this.#slices.pause();
      else await this.#slices.next();
      await waitForCapacity();
      const key = await queue.take();
      if (key === undefined) return;
      if (!(await mayReconcile())) return;
      const reconcileKey = (): Promise<ReconcileOutcome> => this.#reconcile(key);
      await (recorder === undefined ? reconcileKey() : recorder.reconcile(key, reconcileKey));
      queue.done(key);
    }
  }

  /** Never rejects: a failure schedules another reconcile. */
  async #reconcile(key: Key): Promise<ReconcileOutcome> {
    const { queue, reconcile } = this.#options;
    try {
      const { requeueAfterMs } = await reconcile(key);
      queue.forget(key);
      if (requeueAfterMs === undefined) return 'success';
      queue.addAfter(key, requeueAfterMs);
      return 'requeue_after';
    } catch (error) {
      return this.#retry(key, error);
    }
  }

  #retry(key: Key, error: unknown): ReconcileOutcome {
    // The next process repeats a reconcile that the shutdown aborts.
    if (this.#stopping) return 'requeue';
    const { queue, log, logFields } = this.#options;
    const api = isApiError(error) ? error : undefined;
    // The cache was behind, or the object is deleted: the next reconcile sees the current state.
    const wasOutdated = api?.code === 'Conflict' || api?.code === 'NotFound';
    const retryMs = queue.addAfterFailure(key, { minDelayMs: api?.retryAfterMs, wasOutdated });
    const fields = { ...logFields(key), retryMs };
    if (wasOutdated) {
      log.debug({ ...fields, err: api.message }, 'reconcile again');
      return 'requeue';
    }
    if (api === undefined) log.error({ ...fields, err: error }, 'internal error: reconcile failed (please report)');
    else log.warn({ ...fields, code: api.code, err: api.message }, 'reconcile failed, will retry');
    return 'error';
  }
}
