/** The informers of the controller: which objects it caches, and which SequentialJobs it enqueues when they change. */
import { LABELS } from '../shared/api/group.ts';
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../shared/api/pod.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { Cache, type InternalErrorObserver, type Key, keyOf, type KubeObject } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { StringInterner } from '../shared/kube/string-interner.ts';
import { type ApiError, isApiError } from '../shared/kube/errors.ts';
import { Reflector } from '../shared/kube/reflector.ts';
import { collectionPath, JOBS, PODS, type Resource, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import { scheduleOwner } from '../shared/schedule/owner.ts';
import { sleep } from '../shared/sleep.ts';
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';
import { InformerErrors } from './informer-errors.ts';
import { createPodCache } from './pod-cache.ts';
import { FullObjectCache } from './full-object-cache.ts';
import { CacheSyncWarning } from './cache-sync-warning.ts';
import { isRelevantChange, toObservedPod } from './transform-pod.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';

export interface InformersOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Watch only this namespace; undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly random: () => number;
  /** Called when a SequentialJob must be reconciled. */
  readonly enqueue: (key: Key) => void;
  /** Called when a SequentialJob should be reconciled in so many milliseconds, and need not be before. */
  readonly enqueueAfter: (key: Key, ms: number) => void;
  /** Whether the Job of this UID was found stuck: each change of its Pods is then relevant. */
  readonly isStuck: (jobUID: string) => boolean;
  /** Called when a SequentialJob was deleted. */
  readonly onDeleted: (object: SequentialJob) => void;
  /** Approximate memory limit for the specs of all SequentialJobs, in bytes; default 64 MiB. */
  readonly maxObjectBytes?: number | undefined;
  /**
   * Called when the cache drops the spec of the SequentialJob of this UID for lack of memory: no other part may keep it
   * either.
   */
  readonly onEvict?: (uid: string) => void;
  /**
   * Called when the cached spec of this UID, of `weight` bytes, is replaced: another holder of the old spec has the only
   * copy.
   */
  readonly onReplace?: (uid: string, weight: number) => void;
  /** Called when a SequentialJob is read from the API server because its spec was dropped. */
  readonly onFetch?: () => void;
  /** Called when a list or watch failed and is retried; not for expired watches. */
  readonly onWatchError?: (watched: Watched) => void;
  /** Called when a programming error prevented the informer from processing one object, or all. */
  readonly onInternalError?: (watched: Watched) => void;
  /** Called when the API server is reachable again: failed reconciles may be retried. */
  readonly onReconnect?: () => void;
}

/** How long the start waits for the first list of Pods; after that, a reconcile that needs Pods lists them itself. */
const PODS_WAIT_MS = 10_000;

/** Whether the Pod cache has a complete list, still waits for it, or the operator lacks the permission. */
export type PodListState = 'listed' | 'awaited' | 'forbidden';

interface Source<T> {
  readonly resource: Resource;
  readonly cache: Cache<T & KubeObject>;
  readonly transform: (raw: unknown) => (T & KubeObject) | undefined;
  readonly trim?: (object: T & KubeObject) => T & KubeObject;
  readonly onListed?: () => void;
  readonly labelSelector?: string;
}

/** Time between two finished SequentialJobs at the start: a reconcile of one takes a tenth of a millisecond. */
const SETTLED_INTERVAL_MS = 0.5;

/** Whether it has finished, and nothing was requested since. */
function isSettled({ metadata, spec, status }: SequentialJob): boolean {
  return (
    // Of a long status the cache has no conditions.
    status?.completionTime !== undefined &&
    metadata.deletionTimestamp === undefined &&
    status.observedGeneration === metadata.generation &&
    (spec.resume ?? 0) <= (status.resumes ?? 0)
  );
}

const isFinished = ({ status }: SequentialJob): boolean =>
  isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed');

/** Reconciles start after these are listed; same order as `#required`. */
const REQUIRED = ['sequentialjobs', 'jobs'] as const satisfies readonly Watched[];

/**
 * Drops Jobs without a SequentialJob owner: every client can set our label. The SequentialJob itself may not be cached
 * yet.
 */
function toOwnedJob(raw: unknown): ObservedJob | undefined {
  const job = toObservedJob(raw);
  return sequentialJobOwner(job) === undefined ? undefined : job;
}

/** Drops Pods that name no Job. */
function toPodOfJob(raw: unknown): ObservedPod | undefined {
  const pod = toObservedPod(raw);
  return (pod.jobUID ?? pod.labelJobUID) === undefined ? undefined : pod;
}

type Informer = Pick<Reflector<KubeObject>, 'start' | 'stop' | 'synced' | 'hasSynced'>;

export class Informers {
  /** Shares equal strings between finished objects, which stay for a long time. */
  readonly #interner = new StringInterner();
  /** The parts of SequentialJobs that `sequentialJobs` does not hold. */
  readonly objects: FullObjectCache;
  /** The runs of schedules are indexed by the UID of their schedule. */
  readonly sequentialJobs = new Cache<SequentialJob>(
    ({ metadata }) => scheduleOwner(metadata)?.uid,
    (object) => (this.#isListing ? this.objects.trim(object) : this.#internIfFinished(this.objects.trim(object))),
    this.#errorObserver('sequentialjobs'),
  );
  /** Jobs that a SequentialJob controls, indexed by its UID. */
  readonly jobs = new Cache<ObservedJob>(
    (job) => sequentialJobOwner(job)?.uid,
    (job) => (this.#isListing ? job : this.#internIfEnded(job)),
    this.#errorObserver('jobs'),
  );
  /** Indexed by the UID of their Job. */
  readonly pods = createPodCache(this.#errorObserver('pods'));
  readonly #options: InformersOptions;
  readonly #errors: InformerErrors;
  readonly #syncWarning: CacheSyncWarning;
  /** Reconciles start when these have synced. */
  readonly #required: readonly Informer[];
  /** Optional: without the permission to list Pods, sequences run, but some steps start later. */
  readonly #pods: Informer;
  readonly #podsForbidden = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #hasWarnedOfPods = false;
  /** The initial lists are not complete. */
  #isListing = false;
  /** Resources that the operator may not list; cleared when a watch opens. */
  readonly #forbidden = new Set<Watched>();
  /** Present while SequentialJobs are not served; resolves when they are again, or at the stop. */
  #served: PromiseWithResolvers<void> | undefined;
  /** Resources whose missing permission has been logged. */
  readonly #loggedForbidden = new Set<Watched>();

  constructor(options: InformersOptions) {
    const { log, onInternalError } = options;
    this.#options = options;
    this.objects = new FullObjectCache({
      maxBytes: options.maxObjectBytes,
      onEvict: (uid) => options.onEvict?.(uid),
      onReplace: (uid, weight) => options.onReplace?.(uid, weight),
      onFetch: () => options.onFetch?.(),
    });
    this.#errors = new InformerErrors({ log, onInternalError });
    this.#syncWarning = new CacheSyncWarning({ log, unsynced: () => this.#missing });
    const { sequentialJobs, jobs, pods } = this;
    const labelSelector = LABELS.uid;
    this.#required = [
      this.#reflect('sequentialjobs', {
        resource: SEQUENTIAL_JOBS,
        cache: sequentialJobs,
        transform: toSequentialJob,
        // A list may exceed the memory limit.
        trim: (object) => this.#trimListed(object),
        onListed: () => this.objects.forgetAllUnlessCached((object) => sequentialJobs.get(keyOf(object))),
      }),
      this.#reflect('jobs', {
        resource: JOBS,
        cache: jobs,
        transform: toOwnedJob,
        trim: (job) => this.#trimListedJob(job),
        labelSelector,
      }),
    ];
    this.#pods = this.#reflect('pods', { resource: PODS, cache: pods, transform: toPodOfJob, labelSelector });
    this.#subscribe();
  }

  /** True once all required caches have synced. */
  get synced(): boolean {
    return this.#required.every((informer) => informer.hasSynced);
  }

  /** The required informers whose first list is not complete. */
  get unsynced(): readonly Watched[] {
    return REQUIRED.filter((_, i) => this.#required[i]?.hasSynced !== true);
  }

  /**
   * Resolves when the API server serves SequentialJobs in the operator's version: usually at once, but somebody may have
   * applied the definition of another release. Until then the cache is outdated, and no status can be written. False at the stop.
   */
  async untilServed(): Promise<boolean> {
    await this.#served?.promise;
    return !this.#stopping.signal.aborted;
  }

  get #missing(): readonly Watched[] {
    return this.podsState === 'awaited' ? [...this.unsynced, 'pods'] : this.unsynced;
  }

  get podsState(): PodListState {
    if (this.#forbidden.has('pods')) return 'forbidden';
    return this.#pods.hasSynced ? 'listed' : 'awaited';
  }

  /**
   * Resolves when the required caches have synced and the Pods are listed, are forbidden, or time out. Only then are
   * SequentialJobs enqueued: those that have finished, which may be tens of thousands, little by little.
   */
  async start(): Promise<void> {
    this.#isListing = true;
    for (const informer of this.#all) informer.start();
    this.#syncWarning.start();
    await Promise.all([...this.#required.map((informer) => informer.synced), this.#podsListedOrForbidden()]);
    this.#syncWarning.stop();
    this.#interner.endOfInitialLists();
    this.#isListing = false;
    this.#enqueueAll();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#served?.resolve();
    this.#syncWarning.stop();
    await Promise.all(this.#all.map((informer) => informer.stop()));
  }

  get #all(): readonly Informer[] {
    return [...this.#required, this.#pods];
  }

  async #podsListedOrForbidden(): Promise<void> {
    const settled = new AbortController();
    const either = AbortSignal.any([settled.signal, this.#stopping.signal]);
    await Promise.race([this.#pods.synced, this.#podsForbidden.promise, sleep(PODS_WAIT_MS, either)]);
    settled.abort();
  }

  /**
   * The initial lists are interned while they arrive, so that they never take their memory in full; later objects when
   * they are cached.
   */
  #trimListed(object: SequentialJob): SequentialJob {
    const trimmed = this.objects.trim(object);
    return this.#isListing ? this.#internIfFinished(trimmed) : trimmed;
  }

  #trimListedJob(job: ObservedJob): ObservedJob {
    return this.#isListing ? this.#internIfEnded(job) : job;
  }

  #internIfFinished(object: SequentialJob): SequentialJob {
    return isFinished(object) ? this.#interner.intern(object) : object;
  }

  #internIfEnded(job: ObservedJob): ObservedJob {
    return outcomeOf(job).type === 'running' ? job : this.#interner.intern(job);
  }

  #enqueueAll(): void {
    const { enqueue, enqueueAfter } = this.#options;
    let settled = 0;
    for (const object of this.sequentialJobs.values()) {
      if (isSettled(object)) enqueueAfter(keyOf(object), ++settled * SETTLED_INTERVAL_MS);
      else enqueue(keyOf(object));
    }
  }

  #subscribe(): void {
    const { onDeleted } = this.#options;
    const enqueue = (key: Key): void => (this.#isListing ? undefined : this.#options.enqueue(key));
    this.sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') {
        this.objects.forget(object.metadata);
        onDeleted(object);
      }
      enqueue(keyOf(object));
    });
    const enqueueOwner = (job: ObservedJob): void => {
      const owner = sequentialJobOwner(job);
      if (owner !== undefined) enqueue(`${job.metadata.namespace}/${owner.name}`);
    };
    this.jobs.subscribe((change) => {
      enqueueOwner(change.object);
      // If the owner reference was removed, the previous owner must notice.
      if (change.type === 'modified') enqueueOwner(change.previous);
    });
    this.pods.subscribe((change) => {
      const { object } = change;
      const before = change.type === 'modified' ? change.previous : undefined;
      // A deleted Pod may have been an obstacle; Pending→Running matters only after the step was reported stuck.
      const isRelevant = change.type === 'deleted' ? !hasEnded(object) : isRelevantChange(before, object);
      const matters = isRelevant || (object.jobUID !== undefined && this.#options.isStuck(object.jobUID));
      if (matters && object.sequentialJob !== undefined) {
        enqueue(`${object.metadata.namespace}/${object.sequentialJob}`);
      }
    });
  }

  #reflect<T extends KubeObject>(name: Watched, source: Source<T>): Informer {
    const { client, namespace, random, onReconnect } = this.#options;
    const { resource, ...rest } = source;
    return new Reflector<T>({
      ...rest,
      client,
      path: collectionPath(resource, namespace),
      onError: (error, retryMs) => this.#logError(name, error, retryMs),
      onInternalError: (error, at) => this.#errors.record(name, error, at),
      onOpen: () => this.#watchOpened(name),
      onReconnect: () => onReconnect?.(),
      random,
    });
  }

  #errorObserver(name: Watched): InternalErrorObserver {
    return (error, object) => this.#errors.record(name, error, { object });
  }

  #logError(informer: Watched, error: ApiError, retryMs: number): void {
    if (error.code !== 'Gone') this.#options.onWatchError?.(informer);
    this.#syncWarning.recordError(informer, error.message);
    if (informer === 'sequentialjobs' && error.code === 'NotFound') this.#served ??= Promise.withResolvers();
    // An expired resourceVersion is the routine end of a quiet watch. A missing permission is logged once, until it is
    // granted.
    const isExpected = error.code === 'Gone' || this.#loggedForbidden.has(informer);
    if (isApiError(error, 'Forbidden')) this.#recordForbidden(informer);
    else this.#loggedForbidden.delete(informer);
    this.#options.log[isExpected ? 'debug' : 'warn'](
      { informer, err: error.message, retryMs },
      'watch failed, will retry',
    );
  }

  #watchOpened(informer: Watched): void {
    if (informer === 'sequentialjobs') {
      this.#served?.resolve();
      this.#served = undefined;
    }
    this.#forbidden.delete(informer);
    this.#loggedForbidden.delete(informer);
  }

  #recordForbidden(informer: Watched): void {
    this.#forbidden.add(informer);
    this.#loggedForbidden.add(informer);
    if (informer !== 'pods') return;
    this.#podsForbidden.resolve();
    if (this.#hasWarnedOfPods) return;
    this.#hasWarnedOfPods = true;
    this.#options.log.warn(
      { informer },
      'no permission to list and watch Pods: the status says less, and after a step that failed the next Job is created only when' +
        " its Pod's terminationGracePeriodSeconds are over. A Pod that was orphaned, or that a node no longer reports, is not waited for",
    );
  }
}
