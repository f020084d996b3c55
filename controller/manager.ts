/** Starts and stops the controller: informers fill the caches and the queue, workers empty it. */
import type { SequentialJob } from '../shared/api/types.ts';
import { keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import type { Log } from '../shared/log.ts';
import type { ControllerMetrics } from './metrics/index.ts';
import type { ReconcileOutcome } from './metrics/reconcile.ts';
import { DependencyChecker } from './act/dependency-checker.ts';
import { UncertainWrites } from './uncertain-writes.ts';
import { EventLookup } from './event-lookup.ts';
import { EventRecorder } from './events.ts';
import { DeletedJobs } from './deleted-jobs.ts';
import { DeletedPods } from './deleted-pods.ts';
import { Informers } from './informers.ts';
import { ControllerMetricsRecorder } from './metrics/recorder.ts';
import { Preflights } from './preflights.ts';
import { QuotaWaiters } from './quota-waiters.ts';
import { WorkQueue } from '../shared/work-queue/work-queue.ts';
import { reconcile, type ReconcilerDeps } from './reconcile.ts';
import { Revisions } from './revisions.ts';
import { ServerCapabilities } from './server-capabilities.ts';
import { StatusTruncations } from './status-truncations.ts';

export interface ControllerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Only this namespace; undefined: all. */
  readonly namespace?: string | undefined;
  /** Of the operator itself: nothing is run there. Undefined: there is none. */
  readonly ownNamespace?: string | undefined;
  /** how many SequentialJobs are reconciled at once. */
  readonly workers: number;
  /** Whether the API server is asked by dry run for all Jobs of a sequence before the first; default true. */
  readonly preflight?: boolean | undefined;
  /** Whether a step waits for the Secrets that it needs before its Job is created; default false. */
  readonly checkSecrets?: boolean | undefined;
  /** Default: nothing is counted. */
  readonly metrics?: ControllerMetrics | undefined;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
  readonly random?: () => number;
}

/** Errors that may pass: 5 minutes at most between two tries (DESIGN §2). */
const BACKOFF = { baseMs: 250, maxMs: 300_000 } as const;

const monotonic = (): number => performance.now();

/** Of the 20 s that a shutdown may take, what is left for events when the last reconcile has ended. */
const EVENTS_DRAIN_MS = 5_000;

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Log;
  readonly #queue: WorkQueue;
  readonly #informers: Informers;
  readonly #recorder: ControllerMetricsRecorder | undefined;
  readonly #deps: ReconcilerDeps;
  #workers: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(options: ControllerOptions) {
    const { client, log, namespace, workers, metrics, random = Math.random } = options;
    this.#options = options;
    this.#log = log;
    this.#queue = new WorkQueue({
      backoff: BACKOFF,
      random,
      now: monotonic,
      observer: metrics?.queue,
      workers: namespace === undefined ? workers : undefined,
    });
    this.#informers = new Informers({
      client,
      log,
      namespace,
      random,
      enqueue: (key) => this.#queue.add(key),
      isWaiting: (jobUID) => this.#deps.eventLookup.cached(jobUID) !== undefined,
      onDeleted: (object) => this.#forget(object),
      onDrop: (uid) => this.#deps.revisions.release(uid),
      onReplace: (uid, weight) => this.#deps.revisions.outdate(uid, weight),
      onBorrow: () => metrics?.sequences.specFetched(),
      onError: (watched) => metrics?.watchFailed(watched),
      onInternalError: (watched) => metrics?.informerFault(watched),
      onReconnect: () => this.#queue.retryFailed(),
    });
    this.#recorder = metrics === undefined ? undefined : this.#instrument(metrics);
    this.#deps = this.#wire();
  }

  /** True once the caches that decisions are made of hold a complete list. */
  get ready(): boolean {
    return this.#informers.synced;
  }

  /** The caches that are still waited for before anything is decided. */
  get unsynced(): readonly string[] {
    return this.#informers.unsynced;
  }

  /** Resolves when the caches are complete and the workers run. */
  async start(): Promise<void> {
    await this.#informers.start();
    const { sequentialJobs, jobs } = this.#informers;
    this.#log.info({ sequentialJobs: sequentialJobs.size, jobs: jobs.size }, 'caches synced');
    this.#workers = Promise.all(Array.from({ length: this.#options.workers }, () => this.#work()));
  }

  /** Nothing that is sent from now on would arrive: the events are given up at once. To be followed by `stop`. */
  abort(): void {
    this.#deps.events.abort();
  }

  /** Takes no more work; resolves when what is in flight has ended and the events are written. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#queue.close();
    await this.#informers.stop();
    await this.#workers;
    await this.#deps.events.close(EVENTS_DRAIN_MS);
  }

  #instrument(metrics: ControllerMetrics): ControllerMetricsRecorder {
    const { sequentialJobs, objects, jobs } = this.#informers;
    metrics.sequences.followSpecs(() => objects.heldBytes);
    return new ControllerMetricsRecorder({
      metrics,
      queue: this.#queue,
      workers: this.#options.workers,
      sequentialJobs,
      jobs,
      // What stopped caches hold is soon untrue.
      synced: () => this.ready && !this.#stopping,
      now: monotonic,
    });
  }

  #wire(): ReconcilerDeps {
    const { client, log, metrics, ownNamespace, preflight = true, checkSecrets = false } = this.#options;
    const { random = Math.random, now = Date.now } = this.#options;
    const { sequentialJobs, objects, jobs, pods } = this.#informers;
    return {
      client,
      objects,
      sequentialJobs,
      jobs,
      pods,
      podsState: () => this.#informers.podsState,
      events: new EventRecorder({
        client,
        now,
        random,
        onEmit: (object, { type, reason, message, step }) => {
          const fields = { sequentialJob: keyOf(object), ...(step === undefined ? {} : { step }), reason };
          log[type === 'Warning' ? 'warn' : 'info'](fields, message);
        },
        onDrop: (event, error) => {
          if (error === undefined || isApiError(error)) log.warn({ event, err: error?.message }, 'event dropped');
          else log.error({ event, err: error }, 'internal error: event dropped (please report)');
          metrics?.eventDropped();
        },
      }),
      eventLookup: new EventLookup({ client, log, jobs, now }),
      dependencies: new DependencyChecker({ client, log, checkSecrets, now: monotonic }),
      revisions: new Revisions({ client, log }),
      capabilities: new ServerCapabilities(log),
      preflights: new Preflights({ client, log, enabled: preflight, now: monotonic }),
      now,
      uncertainWrites: new UncertainWrites(),
      deletedJobs: new DeletedJobs(jobs, sequentialJobs),
      deletedPods: new DeletedPods({ pods, jobs, sequentialJobs }),
      quotaWaiters: new QuotaWaiters(jobs, (key) => this.#queue.add(key)),
      statusTruncations: new StatusTruncations(),
      ownNamespace,
      observer: this.#recorder,
    };
  }

  #forget(object: SequentialJob): void {
    this.#deps.revisions.forget(object.metadata.uid);
    this.#deps.preflights.forget(object.metadata.uid);
    this.#deps.statusTruncations.forget(object.metadata.uid);
  }

  async #work(): Promise<void> {
    for (;;) {
      await this.#deps.events.waitForCapacity();
      const key = await this.#queue.take();
      if (key === undefined) return;
      const reconcileKey = (): Promise<ReconcileOutcome> => this.#reconcile(key);
      await (this.#recorder === undefined ? reconcileKey() : this.#recorder.reconcile(key, reconcileKey));
      this.#queue.done(key);
    }
  }

  /** Never rejects: whatever a reconcile ends with becomes another reconcile, later. */
  async #reconcile(key: string): Promise<ReconcileOutcome> {
    try {
      const { requeueAfterMs } = await reconcile(key, this.#deps);
      this.#queue.forget(key);
      if (requeueAfterMs === undefined) return 'success';
      this.#queue.addAfter(key, requeueAfterMs);
      return 'requeue_after';
    } catch (error) {
      return this.#retry(key, error);
    }
  }

  #retry(key: string, error: unknown): ReconcileOutcome {
    // What is cut off at the end is the next process's.
    if (this.#stopping) return 'requeue';
    const api = isApiError(error) ? error : undefined;
    // The cache was behind, or the object is gone: the next reconcile sees it as it is.
    const wasOutdated = api?.code === 'Conflict' || api?.code === 'NotFound';
    const retryMs = this.#queue.addAfterFailure(key, { minDelayMs: api?.retryAfterMs, wasOutdated });
    const fields = { sequentialJob: key, ...this.#stepOf(key), retryMs };
    if (wasOutdated) {
      this.#log.debug({ ...fields, err: api.message }, 'reconcile again');
      return 'requeue';
    }
    if (api === undefined)
      this.#log.error({ ...fields, err: error }, 'internal error: reconcile failed (please report)');
    else this.#log.warn({ ...fields, code: api.code, err: api.message }, 'reconcile failed, will retry');
    return 'error';
  }

  /** For the log: the step that a sequence is at, where it is at one. */
  #stepOf(key: string): { readonly step?: { readonly index: number; readonly name: string } } {
    const { currentIndex: index, currentStep: name } = this.#informers.sequentialJobs.get(key)?.status?.progress ?? {};
    return index === undefined || name === undefined ? {} : { step: { index, name } };
  }
}
