/** The part of the controller that works on CronSequentialJobs, with a queue of its own: neither kind waits for the other. */
import type { CachedSchedule } from '../../shared/api/schedule.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { type Cache, type Key, keyOf } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import type { Log } from '../../shared/log.ts';
import { WorkQueue } from '../../shared/work-queue/work-queue.ts';
import type { EventRecorder } from '../events.ts';
import type { FullObjectCache } from '../full-object-cache.ts';
import type { ControllerMetrics } from '../metrics/index.ts';
import { ScheduleMetricsRecorder } from '../metrics/schedule-recorder.ts';
import type { ReconcileResult } from '../reconcile.ts';
import { ServerCapabilities } from '../server-capabilities.ts';
import { RECONCILE_BACKOFF, ReconcileLoop } from '../reconcile-loop.ts';
import { UncertainWrites } from '../uncertain-writes.ts';
import { ClockJumps } from './clock-jumps.ts';
import type { ScheduleDecision, ScheduleSnapshot } from './decide/types.ts';
import { ScheduleInformer } from './informer.ts';
import { reconcileSchedule, type ScheduleReconcilerDeps } from './reconcile.ts';
import { schedulesOf } from './runs.ts';

export interface ScheduleControllerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Watch only this namespace; undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** The operator's own namespace, where SequentialJobs do not run. */
  readonly ownNamespace: string | undefined;
  readonly metrics: ControllerMetrics | undefined;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** The cache of SequentialJobs, indexed by the UID of their schedule. */
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: FullObjectCache;
  readonly events: EventRecorder;
  /** Reconciles the SequentialJob of this key. */
  readonly enqueueSequence: (key: Key) => void;
  /** Awaited before each reconcile; false: the controller stops. */
  readonly mayReconcile: () => Promise<boolean>;
  readonly decide: (snapshot: ScheduleSnapshot, nowMs: number) => ScheduleDecision;
}

/** Number of concurrent reconciles: many schedules have the same time. One namespace gets at most half of them. */
const WORKERS = 8;

export class ScheduleController {
  readonly #options: ScheduleControllerOptions;
  readonly #queue: WorkQueue;
  readonly #informer: ScheduleInformer;
  readonly #loop: ReconcileLoop;
  readonly #clockJumps: ClockJumps;
  #stopping = false;

  constructor(options: ScheduleControllerOptions) {
    const { client, log, namespace, metrics, now, monotonic, random, sequentialJobs, events, mayReconcile } = options;
    this.#options = options;
    this.#queue = new WorkQueue({
      backoff: RECONCILE_BACKOFF,
      random,
      now: monotonic,
      observer: metrics?.scheduleQueue,
      workers: namespace === undefined ? WORKERS : undefined,
    });
    this.#informer = new ScheduleInformer({
      client,
      log,
      namespace,
      random,
      enqueue: (key) => this.#queue.add(key),
      onWatchError: (watched) => metrics?.watchFailed(watched),
      onInternalError: (watched) => metrics?.informerError(watched),
      onReconnect: () => this.#queue.retryFailed(),
    });
    const enqueueAll = (): void => {
      for (const schedule of this.#informer.schedules.values()) this.#queue.add(keyOf(schedule));
    };
    this.#clockJumps = new ClockJumps({ now, monotonic, onJump: enqueueAll });
    // The controller of sequences records the end of a run itself.
    sequentialJobs.subscribe((change) => schedulesOf(change).forEach((key) => this.#queue.add(key)), {
      ownWrites: true,
    });
    const recorder = metrics === undefined ? undefined : this.#instrument(metrics);
    const deps = this.#wire(recorder);
    this.#loop = new ReconcileLoop({
      queue: this.#queue,
      workers: WORKERS,
      reconcile: (key) => this.#reconcile(key, deps),
      waitForCapacity: () => events.waitForCapacity(),
      mayReconcile,
      logFields: (key) => ({ cronSequentialJob: key }),
      log,
      recorder,
    });
  }

  /** Lists and watches the schedules. Nothing is decided about them before `start`. */
  startInformer(): void {
    this.#informer.start();
  }

  /**
   * Call it when all SequentialJobs are listed. The workers start when all schedules are listed, too: without a run that
   * exists, its time would seem to be missed.
   */
  start(): void {
    void this.#startWhenListed();
  }

  async #startWhenListed(): Promise<void> {
    await this.#informer.synced;
    if (this.#stopping) return;
    this.#options.log.info({ cronSequentialJobs: this.#informer.schedules.size }, 'schedules synced');
    this.#clockJumps.start();
    this.#loop.start();
  }

  /** Takes no more work. Await `stop` afterwards. */
  close(): void {
    this.#stopping = true;
    this.#clockJumps.stop();
    this.#loop.close();
  }

  /** Resolves when the running reconciles have ended. */
  async stop(): Promise<void> {
    this.close();
    await this.#informer.stop();
    await this.#loop.ended;
  }

  async #reconcile(key: Key, deps: ScheduleReconcilerDeps): Promise<ReconcileResult> {
    const result = await reconcileSchedule(key, deps);
    // Its last time may be a year ahead, and the schedule deleted.
    if (result.requeueAfterMs === undefined) this.#queue.cancelDelay(key);
    return result;
  }

  #instrument(metrics: ControllerMetrics): ScheduleMetricsRecorder {
    return new ScheduleMetricsRecorder({
      metrics,
      queue: this.#queue,
      workers: WORKERS,
      schedules: this.#informer.schedules,
      synced: () => this.#informer.hasSynced && !this.#stopping,
      now: this.#options.monotonic,
    });
  }

  #wire(observer: ScheduleMetricsRecorder | undefined): ScheduleReconcilerDeps {
    const { client, log, ownNamespace, now, sequentialJobs, objects, events, enqueueSequence, decide } = this.#options;
    return {
      client,
      log,
      schedules: this.#informer.schedules,
      sequentialJobs,
      objects,
      events,
      enqueueSequence,
      uncertainWrites: new UncertainWrites<CachedSchedule>(),
      now,
      ownNamespace,
      decide,
      observer,
      capabilities: new ServerCapabilities(log),
    };
  }
}
