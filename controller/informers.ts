/** Everything that the controller watches: what is cached, and whose turn it is when something changes. */
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
import { sleep } from '../shared/sleep.ts';
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';
import { InformerErrors } from './informer-errors.ts';
import { createPodCache } from './pod-cache.ts';
import { ObjectStore } from './object-store.ts';
import { SyncWait } from './sync-wait.ts';
import { isRelevantChange, toObservedPod } from './transform-pod.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';

export interface InformersOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** Only this namespace; undefined: all. */
  readonly namespace: string | undefined;
  readonly random: () => number;
  /** A SequentialJob is to be reconciled. */
  readonly enqueue: (key: Key) => void;
  /** Whether this Job, by its UID, was found to stand still: then each change of its Pods is news. */
  readonly isWaiting: (jobUID: string) => boolean;
  /** A SequentialJob is gone. */
  readonly onDeleted: (object: SequentialJob) => void;
  /** What the specs of all SequentialJobs may take, in bytes of memory, about; default 64 MiB. */
  readonly maxObjectBytes?: number | undefined;
  /** There is no room for the spec of the SequentialJob of this UID: nobody is to keep it. */
  readonly onDrop?: (uid: string) => void;
  /** The spec of the SequentialJob of this UID, of so many bytes, is replaced by another one: who keeps it has the only one. */
  readonly onReplace?: (uid: string, weight: number) => void;
  /** Such a SequentialJob is asked for. */
  readonly onBorrow?: () => void;
  /** A list or watch has failed, and is tried again. Not told of what is routine. */
  readonly onError?: (watched: Watched) => void;
  /** A programming error has kept an object, or everything, from being taken in. */
  readonly onInternalError?: (watched: Watched) => void;
  /** The API server is there again after it was not: what failed meanwhile may be tried again. */
  readonly onReconnect?: () => void;
}

/** How long the start waits for the first list of Pods: after that, a reconcile that needs some asks for them. */
const PODS_WAIT_MS = 10_000;

/** Whether the cache of Pods holds a complete list, will hold one, or may not be kept up to date. */
export type PodListState = 'listed' | 'awaited' | 'forbidden';

interface Source<T> {
  readonly resource: Resource;
  readonly cache: Cache<T & KubeObject>;
  readonly transform: (raw: unknown) => (T & KubeObject) | undefined;
  readonly trim?: (object: T & KubeObject) => T & KubeObject;
  readonly onListed?: () => void;
  readonly labelSelector?: string;
}

const isFinished = ({ status }: SequentialJob): boolean =>
  isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed');

/** Nothing is decided before these are listed, in the order in which `#needed` has them. */
const REQUIRED = ['sequentialjobs', 'jobs'] as const satisfies readonly Watched[];

/** Anybody may put our label on a Job. One whose owner is not known yet may be ahead of its SequentialJob. */
function toOwnedJob(raw: unknown): ObservedJob | undefined {
  const job = toObservedJob(raw);
  return sequentialJobOwner(job) === undefined ? undefined : job;
}

/** The same of a Pod: what belongs to no Job belongs to no step. */
function toPodOfJob(raw: unknown): ObservedPod | undefined {
  const pod = toObservedPod(raw);
  return (pod.jobUID ?? pod.labelJobUID) === undefined ? undefined : pod;
}

type Informer = Pick<Reflector<KubeObject>, 'start' | 'stop' | 'synced' | 'hasSynced'>;

export class Informers {
  /** What is over stays for long, and says much the same a thousand times. */
  readonly #compactor = new StringInterner();
  /** What the cache of SequentialJobs has not. */
  readonly objects: ObjectStore;
  readonly sequentialJobs = new Cache<SequentialJob>(
    undefined,
    (object) => this.#trim(object),
    this.#errorObserver('sequentialjobs'),
  );
  /** Those that have a SequentialJob for their controller, by its UID. */
  readonly jobs = new Cache<ObservedJob>(
    (job) => sequentialJobOwner(job)?.uid,
    (job) => (outcomeOf(job).type === 'running' ? job : this.#compactor.intern(job)),
    this.#errorObserver('jobs'),
  );
  /** By the UID of their Job. */
  readonly pods = createPodCache(this.#errorObserver('pods'));
  readonly #options: InformersOptions;
  readonly #errors: InformerErrors;
  readonly #syncWait: SyncWait;
  /** Nothing is decided before these are complete. */
  readonly #required: readonly Informer[];
  /** Without a permission for these, sequences run all the same; some steps start later. */
  readonly #pods: Informer;
  readonly #podsForbidden = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #hasWarnedOfPods = false;
  /** What may not be read, as far as is known: until a watch is open again. */
  readonly #forbidden = new Set<Watched>();
  /** Whose last failure was that, which has been said. */
  readonly #loggedForbidden = new Set<Watched>();

  constructor(options: InformersOptions) {
    const { log, onInternalError } = options;
    this.#options = options;
    this.objects = new ObjectStore({
      maxBytes: options.maxObjectBytes,
      onEvict: (uid) => options.onDrop?.(uid),
      onReplace: (uid, weight) => options.onReplace?.(uid, weight),
      onFetch: () => options.onBorrow?.(),
    });
    this.#errors = new InformerErrors({ log, onInternalError });
    this.#syncWait = new SyncWait({ log, missing: () => this.#missing });
    const { sequentialJobs, jobs, pods } = this;
    const labelSelector = LABELS.uid;
    this.#required = [
      this.#reflect('sequentialjobs', {
        resource: SEQUENTIAL_JOBS,
        cache: sequentialJobs,
        transform: toSequentialJob,
        // A list may bring more than there is room for.
        trim: (object) => this.objects.trim(object),
        onListed: () => this.objects.forgetAllUnlessCached((object) => sequentialJobs.get(keyOf(object))),
      }),
      this.#reflect('jobs', { resource: JOBS, cache: jobs, transform: toOwnedJob, labelSelector }),
    ];
    this.#pods = this.#reflect('pods', { resource: PODS, cache: pods, transform: toPodOfJob, labelSelector });
    this.#subscribe();
  }

  /** True once everything is known that a decision is made of. */
  get synced(): boolean {
    return this.#required.every((informer) => informer.hasSynced);
  }

  /** The informers without which nothing is decided, and whose first list is not complete. */
  get unsynced(): readonly Watched[] {
    return REQUIRED.filter((_, i) => this.#required[i]?.hasSynced !== true);
  }

  get #missing(): readonly Watched[] {
    return this.podsState === 'awaited' ? [...this.unsynced, 'pods'] : this.unsynced;
  }

  get podsState(): PodListState {
    if (this.#forbidden.has('pods')) return 'forbidden';
    return this.#pods.hasSynced ? 'listed' : 'awaited';
  }

  /** Resolves when that is so, and the Pods are listed too, or may not be, or take too long. */
  async start(): Promise<void> {
    for (const informer of this.#all) informer.start();
    this.#syncWait.start();
    await Promise.all([...this.#required.map((informer) => informer.synced), this.#podsSettled()]);
    this.#syncWait.stop();
    this.#compactor.endOfInitialLists();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#syncWait.stop();
    await Promise.all(this.#all.map((informer) => informer.stop()));
  }

  get #all(): readonly Informer[] {
    return [...this.#required, this.#pods];
  }

  async #podsSettled(): Promise<void> {
    const settled = new AbortController();
    const either = AbortSignal.any([settled.signal, this.#stopping.signal]);
    await Promise.race([this.#pods.synced, this.#podsForbidden.promise, sleep(PODS_WAIT_MS, either)]);
    settled.abort();
  }

  #trim(object: SequentialJob): SequentialJob {
    const kept = this.objects.trim(object);
    return isFinished(kept) ? this.#compactor.intern(kept) : kept;
  }

  #subscribe(): void {
    const { enqueue, onDeleted } = this.#options;
    this.sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') {
        this.objects.forget(object.metadata);
        onDeleted(object);
      }
      enqueue(keyOf(object));
    });
    this.jobs.subscribe((change) => {
      this.#enqueueOwner(change.object);
      // A Job whose owner reference was taken off is missed by the sequence that it belonged to.
      if (change.type === 'modified') this.#enqueueOwner(change.previous);
    });
    this.pods.subscribe((change) => {
      const { object } = change;
      const before = change.type === 'modified' ? change.previous : undefined;
      // A Pod that goes may have been an obstacle; its ordinary progress matters only where a standstill was reported.
      const isNews = change.type === 'deleted' ? !hasEnded(object) : isRelevantChange(before, object);
      const matters = isNews || (object.jobUID !== undefined && this.#options.isWaiting(object.jobUID));
      if (matters && object.sequentialJob !== undefined) {
        enqueue(`${object.metadata.namespace}/${object.sequentialJob}`);
      }
    });
  }

  #enqueueOwner(job: ObservedJob): void {
    const owner = sequentialJobOwner(job);
    if (owner !== undefined) this.#options.enqueue(`${job.metadata.namespace}/${owner.name}`);
  }

  #reflect<T extends KubeObject>(name: Watched, source: Source<T>): Informer {
    const { client, namespace, random, onReconnect } = this.#options;
    const { resource, ...rest } = source;
    return new Reflector<T>({
      ...rest,
      client,
      path: collectionPath(resource, namespace),
      onError: (error, retryMs) => this.#logError(name, error, retryMs),
      onInternalError: (error, at) => this.#errors.note(name, error, at),
      onOpen: () => this.#watchOpened(name),
      onReconnect: () => onReconnect?.(),
      random,
    });
  }

  #errorObserver(name: Watched): InternalErrorObserver {
    return (error, object) => this.#errors.note(name, error, { object });
  }

  #logError(informer: Watched, error: ApiError, retryMs: number): void {
    if (error.code !== 'Gone') this.#options.onError?.(informer);
    this.#syncWait.failed(informer, error.message);
    // An expired version is how a long-quiet watch ends: routine, like its cure. A permission is missing until it is given.
    const isKnown = error.code === 'Gone' || this.#loggedForbidden.has(informer);
    if (isApiError(error, 'Forbidden')) this.#recordForbidden(informer);
    else this.#loggedForbidden.delete(informer);
    this.#options.log[isKnown ? 'debug' : 'warn'](
      { informer, err: error.message, retryMs },
      'watch failed, will retry',
    );
  }

  #watchOpened(informer: Watched): void {
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
