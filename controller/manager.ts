/** Starts and stops the controller: informers fill the caches and the queue, workers process the queue. */
import { CRON } from '../shared/api/group.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import type { Log } from '../shared/log.ts';
import type { ControllerMetrics } from './metrics/index.ts';
import { DependencyChecker } from './act/dependency-checker.ts';
import { UncertainWrites } from './uncertain-writes.ts';
import { EventLookup } from './event-lookup.ts';
import { EventRecorder } from './events.ts';
import { DeletedJobs } from './deleted-jobs.ts';
import { DeletedPods } from './deleted-pods.ts';
import { Informers } from './informers.ts';
import { ControllerMetricsRecorder } from './metrics/recorder.ts';
import { Preflights } from './preflights.ts';
import { QuotaRetries } from './quota-retries.ts';
import { RECONCILE_BACKOFF, ReconcileLoop } from './reconcile-loop.ts';
import { WorkQueue } from '../shared/work-queue/work-queue.ts';
import { reconcile, type ReconcilerDeps } from './reconcile.ts';
import { Revisions } from './revisions.ts';
import { ServerCapabilities } from './server-capabilities.ts';
import { ScheduleController } from './schedules/controller.ts';
import { decideSchedule } from './schedules/decide/index.ts';
import { StatusTruncations } from './status-truncations.ts';

export interface ControllerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Watch only this namespace; undefined: all namespaces. */
  readonly namespace?: string | undefined;
  /** The operator's own namespace, where SequentialJobs do not run; undefined outside a cluster. */
  readonly ownNamespace?: string | undefined;
  /** Number of concurrent reconciles. */
  readonly workers: number;
  /** Whether all Jobs of a sequence are dry-run before the first is created; default true. */
  readonly preflight?: boolean | undefined;
  /** Whether a step waits for the Secrets that it references before its Job is created; default false. */
  readonly checkSecrets?: boolean | undefined;
  /** Default: no metrics. */
  readonly metrics?: ControllerMetrics | undefined;
  /** Unix milliseconds; default `Date.now`. */
  readonly now?: () => number;
  readonly random?: () => number;
}

const monotonic = (): number => performance.now();

/** Time for pending events after the last reconcile; a shutdown takes at most 20 s in all. */
const EVENTS_DRAIN_MS = 5_000;

export class Controller {
  readonly #options: ControllerOptions;
  readonly #log: Log;
  readonly #queue: WorkQueue;
  readonly #informers: Informers;
  readonly #recorder: ControllerMetricsRecorder | undefined;
  readonly #deps: ReconcilerDeps;
  readonly #loop: ReconcileLoop;
  readonly #schedules: ScheduleController;
  #stopping = false;

  constructor(options: ControllerOptions) {
    const { client, log, namespace, workers, metrics, random = Math.random } = options;
    this.#options = options;
    this.#log = log;
    this.#queue = new WorkQueue({
      backoff: RECONCILE_BACKOFF,
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
      enqueueAfter: (key, ms) => this.#queue.addAfter(key, ms),
      isStuck: (jobUID) => this.#deps.eventLookup.cached(jobUID) !== undefined,
      onDeleted: (object) => this.#forget(object),
      onEvict: (uid) => this.#deps.revisions.release(uid),
      onReplace: (uid, weight) => this.#deps.revisions.outdate(uid, weight),
      onFetch: () => metrics?.sequences.specFetched(),
      onWatchError: (watched) => metrics?.watchFailed(watched),
      onInternalError: (watched) => metrics?.informerError(watched),
      onReconnect: () => this.#queue.retryFailed(),
    });
    this.#recorder = metrics === undefined ? undefined : this.#instrument(metrics);
    this.#deps = this.#wire();
    this.#loop = new ReconcileLoop({
      queue: this.#queue,
      workers,
      reconcile: (key) => reconcile(key, this.#deps),
      waitForCapacity: () => this.#deps.events.waitForCapacity(),
      // A Job that is created now cannot be recorded, and the garbage collector deletes it, because it does not find the
      // owner in this version: the step would start again and again (seen on 1.20).
      mayReconcile: () => this.#informers.untilServed(),
      logFields: (key) => ({ sequentialJob: key, ...this.#stepOf(key) }),
      log,
      recorder: this.#recorder,
    });
    this.#schedules = this.#createSchedules();
  }

  /** True once the required caches hold a complete list. */
  get ready(): boolean {
    return this.#informers.synced;
  }

  /** The required caches that have not synced. */
  get unsynced(): readonly string[] {
    return this.#informers.unsynced;
  }

  /** Resolves when the caches are complete and the workers run. */
  async start(): Promise<void> {
    this.#schedules.startInformer();
    await this.#informers.start();
    const { sequentialJobs, jobs } = this.#informers;
    this.#log.info({ sequentialJobs: sequentialJobs.size, jobs: jobs.size }, 'caches synced');
    this.#loop.start();
    this.#schedules.start();
  }

  /** Requests can no longer succeed: drops the pending events at once. Call `stop` afterwards. */
  abort(): void {
    this.#deps.events.abort();
  }

  /** Takes no more work; resolves when running reconciles have ended and the events are written. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#loop.close();
    this.#schedules.close();
    await this.#informers.stop();
    await Promise.all([this.#loop.ended, this.#schedules.stop()]);
    await this.#deps.events.close(EVENTS_DRAIN_MS);
  }

  #createSchedules(): ScheduleController {
    const { client, log, namespace, ownNamespace, metrics, now = Date.now, random = Math.random } = this.#options;
    const { sequentialJobs, objects } = this.#informers;
    return new ScheduleController({
      client,
      log,
      namespace,
      ownNamespace,
      metrics,
      now,
      monotonic,
      random,
      sequentialJobs,
      objects,
      events: this.#deps.events,
      enqueueSequence: (key) => this.#queue.add(key),
      mayReconcile: () => this.#informers.untilServed(),
      decide: decideSchedule,
    });
  }

  #instrument(metrics: ControllerMetrics): ControllerMetricsRecorder {
    const { sequentialJobs, objects, jobs } = this.#informers;
    metrics.sequences.followSpecBytes(() => objects.cachedBytes);
    return new ControllerMetricsRecorder({
      metrics,
      queue: this.#queue,
      workers: this.#options.workers,
      sequentialJobs,
      jobs,
      // Stopped caches are soon outdated.
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
          const kind = object.kind === CRON.kind ? 'cronSequentialJob' : 'sequentialJob';
          const fields = { [kind]: keyOf(object), ...(step === undefined ? {} : { step }), reason };
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
      deletedJobs: new DeletedJobs(jobs, sequentialJobs, () => !this.#informers.unsynced.includes('sequentialjobs')),
      deletedPods: new DeletedPods({ pods, jobs, sequentialJobs }),
      quotaRetries: new QuotaRetries(jobs, (key) => this.#queue.add(key)),
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

  /** For the log: the current step of the sequence, if it has one. */
  #stepOf(key: string): { readonly step?: { readonly index: number; readonly name: string } } {
    const { currentIndex: index, currentStep: name } = this.#informers.sequentialJobs.get(key)?.status?.progress ?? {};
    return index === undefined || name === undefined ? {} : { step: { index, name } };
  }
}
