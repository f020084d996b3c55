/** A controller process: caches that lag, a queue of one key, and reconciles. Its wiring is that of the manager. */
import { EventLookup } from '../../../../controller/event-lookup.ts';
import { DeletedJobs } from '../../../../controller/deleted-jobs.ts';
import { DeletedPods } from '../../../../controller/deleted-pods.ts';
import { Informers } from '../../../../controller/informers.ts';
import { QuotaRetries } from '../../../../controller/quota-retries.ts';
import { reconcile, type ReconcilerDeps } from '../../../../controller/reconcile.ts';
import { toObservedPod } from '../../../../controller/transform-pod.ts';
import { toObservedJob, toSequentialJob } from '../../../../controller/transform.ts';
import { type ObservedJob, outcomeOf } from '../../../../shared/api/job.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import type { Cache, KubeObject } from '../../../../shared/kube/cache.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { isApiError } from '../../../../shared/kube/errors.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import { reconcilerDeps } from '../../../support/reconciler.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import type { Cluster } from './cluster.ts';
import { recordedSteps } from './finally-jobs.ts';
import { NAME, type Sender, type Server } from './server.ts';

export const KEY = `${NAMESPACE}/${NAME}`;
export const CACHES = ['sequentialJobs', 'jobs', 'pods'] as const;
export type CacheName = (typeof CACHES)[number];

const { log } = recordingLog();
log.level = 'silent';

export interface Outside {
  readonly server: Server;
  readonly cluster: Cluster;
  readonly now: () => number;
  /** No spec is held: it is asked for at every reconcile. */
  readonly hasNoRoom: boolean;
}

export class Process implements Sender {
  dead = false;
  /** The object as the reconcile under way began with it, or the last one did. */
  view: SequentialJob | undefined;
  /** A reconcile went well: it has in mind what the sequence runs. */
  knows = false;
  /** A reconcile is asked for. */
  queued = true;
  /** When a reconcile is due by the clock. */
  dueMs: number | undefined;
  /** A new process may reconcile before it has listed the Pods: the manager waits for them, but not for ever. */
  #hasPods = false;
  /** The UIDs of the Jobs that it saw end. */
  readonly #sawEnd = new Set<string>();
  /** The UIDs of the Pods that it saw, by that of their Job. */
  readonly #sawPods = new Map<string, Set<string>>();
  readonly #outside: Outside;
  readonly #informers: Informers;
  readonly #deps: ReconcilerDeps;

  constructor(outside: Outside) {
    this.#outside = outside;
    const { server, now } = outside;
    const client = new FakeClient({ request: (request: ApiRequest) => server.request(this, request) });
    this.#informers = new Informers({
      client,
      log,
      namespace: undefined,
      random: () => 0.5,
      enqueue: () => (this.queued = true),
      enqueueAfter: () => (this.queued = true),
      isStuck: (jobUID) => this.#deps.eventLookup.cached(jobUID) !== undefined,
      maxObjectBytes: outside.hasNoRoom ? 0 : undefined,
      onEvict: (uid) => this.#deps.revisions.release(uid),
      onDeleted: (object) => {
        this.#deps.revisions.forget(object.metadata.uid);
      },
    });
    const { sequentialJobs, objects, jobs, pods } = this.#informers;
    jobs.subscribe(({ object }) => this.#lookAtJob(object));
    pods.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#missPod(object);
      else this.#lookAtPod(object);
    });
    this.#deps = {
      ...reconcilerDeps(client, () => undefined, now),
      sequentialJobs,
      objects,
      jobs,
      quotaRetries: new QuotaRetries(jobs, () => (this.queued = true)),
      deletedJobs: new DeletedJobs(jobs, sequentialJobs),
      deletedPods: new DeletedPods({ pods, jobs, sequentialJobs }),
      pods,
      eventLookup: new EventLookup({ client, log, jobs, now }),
      podsState: () => (this.#hasPods ? 'listed' : 'awaited'),
    };
    this.sync('sequentialJobs');
    this.sync('jobs');
  }

  syncAll(): void {
    for (const name of CACHES) this.sync(name);
  }

  /** The watch of one kind brings everything up to now. */
  sync(name: CacheName): void {
    const { server, cluster } = this.#outside;
    const informers = this.#informers;
    switch (name) {
      case 'sequentialJobs':
        return follow(informers.sequentialJobs, [server.object ?? []].flat().map(toSequentialJob));
      case 'jobs':
        return follow(informers.jobs, cluster.jobs().map(toObservedJob), (uid) => this.#lastState(uid));
      case 'pods':
        this.#hasPods = true;
        return follow(informers.pods, cluster.made('Pod').map(toObservedPod));
    }
  }

  /** A new list of Jobs, after a watch that broke: it does not tell how those went that are gone. */
  relist(): void {
    follow(this.#informers.jobs, this.#outside.cluster.jobs().map(toObservedJob));
  }

  /** The Job as it knows it. */
  job(uid: string): ObservedJob | undefined {
    return [...this.#informers.jobs.values()].find(({ metadata }) => metadata.uid === uid);
  }

  hasSeenEnd(jobUID: string): boolean {
    return this.#sawEnd.has(jobUID);
  }

  podsSeen(jobUID: string): ReadonlySet<string> {
    return this.#sawPods.get(jobUID) ?? new Set();
  }

  get isDue(): boolean {
    return this.queued || (this.dueMs !== undefined && this.dueMs <= this.#outside.now());
  }

  async reconcile(): Promise<void> {
    this.queued = false;
    if (this.dueMs !== undefined && this.dueMs <= this.#outside.now()) this.dueMs = undefined;
    this.view = this.#deps.sequentialJobs.get(KEY);
    try {
      const { requeueAfterMs } = await reconcile(KEY, this.#deps);
      if (requeueAfterMs !== undefined) this.#lookAgainAfter(requeueAfterMs);
      if (this.view !== undefined) this.knows = !this.#outside.hasNoRoom;
    } catch (error) {
      if (!isApiError(error)) throw error;
      this.queued = true;
    }
    // Answers to its own requests it has too, and no listener is told of them.
    for (const job of this.#informers.jobs.values()) this.#lookAtJob(job);
    for (const pod of this.#informers.pods.values()) this.#lookAtPod(pod);
  }

  /** One that goes before its Job is on record is not counted: only the Pods of a step on record are followed. */
  #missPod({ jobUID = '', metadata }: ObservedPod): void {
    const steps = recordedSteps(this.#deps.sequentialJobs.get(KEY)?.status);
    if (!steps.some((step) => step.jobUID === jobUID)) this.#sawPods.get(jobUID)?.delete(metadata.uid);
  }

  /** A watch tells a deletion with the last state. */
  #lastState(uid: string): ObservedJob | undefined {
    const last = this.#outside.server.api.gone.get(uid);
    if (last === undefined) return undefined;
    const job = toObservedJob(last);
    this.#lookAtJob(job);
    return job;
  }

  #lookAtJob(job: ObservedJob): void {
    if (outcomeOf(job).type !== 'running') this.#sawEnd.add(job.metadata.uid);
  }

  #lookAtPod({ jobUID = '', metadata }: ObservedPod): void {
    this.#sawPods.set(jobUID, (this.#sawPods.get(jobUID) ?? new Set()).add(metadata.uid));
  }

  /** As WorkQueue.addAfter: the earliest counts. */
  #lookAgainAfter(ms: number): void {
    const due = this.#outside.now() + ms;
    if (ms <= 0) this.queued = true;
    else if (this.dueMs === undefined || due < this.dueMs) this.dueMs = due;
  }
}

function follow<T extends KubeObject>(
  cache: Cache<T>,
  objects: readonly T[],
  lastState: (uid: string) => T | undefined = () => undefined,
): void {
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  for (const known of cache.values()) {
    const last = uids.has(known.metadata.uid) ? undefined : lastState(known.metadata.uid);
    if (!uids.has(known.metadata.uid)) cache.remove(last ?? known, last);
  }
  for (const object of objects) cache.observe(object);
}
