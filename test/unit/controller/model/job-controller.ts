/**
 * An old Job controller (1.20), the scheduler and the kubelet in one: each call of `advance` takes a Job one stage
 * further. It is kinder than newer ones: a Pod that it deletes is gone at once.
 */
import { LABELS } from '../../../../shared/api/group.ts';
import type { JobCondition } from '../../../../shared/api/job.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { jobPath, type Stored } from '../../../support/fake-api.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import {
  type Cluster,
  type ClusterOptions,
  condition,
  dueMs,
  earliestDueMs,
  type End,
  isOver,
  isTrue,
  type RawJob,
  type RawStatus,
  type RunningPod,
} from './cluster.ts';
import { isLive, nameIn, podObject, podPath, type PodState, quotaEvent } from './pod-object.ts';

interface Pod {
  readonly path: string;
  state: PodState;
  isCounted: boolean;
}

export interface OldOptions extends ClusterOptions {
  /** Whether it says SuccessCriteriaMet and FailureTarget before the end. */
  readonly announces: boolean;
}

export class JobController implements Cluster {
  readonly #options: OldOptions;
  /** By the UID of their Job. */
  readonly #pods = new Map<string, Pod[]>();
  /** The paths of all Pods and Events that were ever made. */
  readonly #paths: string[] = [];
  /** By the UID of their Job. */
  readonly #made = new Map<string, number>();
  quota = false;

  constructor(options: OldOptions) {
    this.#options = options;
  }

  advance(): boolean {
    const uids = new Set(this.jobs().map(({ metadata }) => metadata.uid));
    for (const [uid] of this.#pods) if (!uids.has(uid)) this.#deletePods(uid);
    return this.jobs()
      .map((job) => this.#stage(job))
      .includes(true);
  }

  /** Its parts are not told apart. */
  runPods(): boolean {
    return this.advance();
  }

  syncJobs(): boolean {
    return this.advance();
  }

  jobs(): readonly RawJob[] {
    const jobs = this.#options.api.jobs() as readonly RawJob[];
    return jobs.filter(({ metadata }) => metadata.labels?.[LABELS.uid] !== undefined);
  }

  made(kind: 'Pod' | 'Event'): readonly Stored[] {
    const { api } = this.#options;
    return this.#paths.flatMap((path) => api.get(path) ?? []).filter((object) => object.kind === kind);
  }

  busy(): readonly string[] {
    return [...this.#pods].filter(([, pods]) => pods.some(isLive)).map(([uid]) => uid);
  }

  running(): readonly RunningPod[] {
    return [...this.#pods].flatMap(([jobUID, pods]) =>
      pods.flatMap(({ path, state }) => (state === 'running' ? { name: nameIn(path), jobUID } : [])),
    );
  }

  podsMade(jobUID: string): number {
    return this.#made.get(jobUID) ?? 0;
  }

  nextMs(): number | undefined {
    return earliestDueMs(this.jobs());
  }

  /** What a deleted Pod does is played with the newer Job controller. */
  disrupt(): void {}

  /** So is what an orphan does: here its Pods go with the Job. */
  orphan(): void {}

  #stage(job: RawJob): boolean {
    const { api } = this.#options;
    const live = this.#podsOf(job).find(isLive);
    if (job.metadata.deletionTimestamp !== undefined) {
      if (live !== undefined) this.#deletePods(job.metadata.uid);
      else api.remove(jobPath(NAMESPACE, job.metadata.name));
      return true;
    }
    if (isOver(job)) return false;
    const announced = job.status?.conditions?.find(
      ({ type }) => type === 'FailureTarget' || type === 'SuccessCriteriaMet',
    );
    if (announced !== undefined)
      return this.#end(job, announced.type === 'FailureTarget' ? 'Failed' : 'Complete', announced.reason);
    if (job.spec.suspend === true) return this.#suspend(job);
    if (isTrue(job, 'Suspended') || job.status?.startTime === undefined) return this.#start(job);
    const due = dueMs(job);
    if (due !== undefined && due <= this.#options.now()) return this.#announce(job, 'Failed', 'DeadlineExceeded');
    return live === undefined ? this.#next(job) : this.#run(job, live);
  }

  #suspend(job: RawJob): boolean {
    if (isTrue(job, 'Suspended')) return false;
    this.#deletePods(job.metadata.uid, isLive);
    const { startTime: _, ...status } = job.status ?? {};
    this.#setStatus(job, { ...status, active: 0, conditions: [this.#condition('Suspended', 'JobSuspended')] });
    return true;
  }

  #start(job: RawJob): boolean {
    this.#setStatus(job, { ...job.status, startTime: toTimestamp(this.#options.now()), conditions: [] });
    return true;
  }

  /** Counts the Pod that has ended, and makes the next. */
  #next(job: RawJob): boolean {
    const ended = this.#podsOf(job).find((pod) => !pod.isCounted);
    const failed = job.status?.failed ?? 0;
    if (ended?.state === 'succeeded') {
      ended.isCounted = true;
      this.#setStatus(job, { ...job.status, active: 0, succeeded: 1 });
      return this.#announce(this.#fresh(job), 'Complete', 'CompletionsReached');
    }
    if (ended !== undefined) {
      ended.isCounted = true;
      this.#setStatus(job, { ...job.status, active: 0, failed: failed + 1 });
      if (failed + 1 > (job.spec.backoffLimit ?? 6)) this.#announce(this.#fresh(job), 'Failed', 'BackoffLimitExceeded');
      return true;
    }
    return this.quota ? this.#complain(job) : this.#createPod(job);
  }

  #createPod(job: RawJob): boolean {
    const name = `${job.metadata.name}-${this.#paths.length}`;
    const pod: Pod = { path: podPath(name), state: 'pending', isCounted: false };
    this.#pods.set(job.metadata.uid, [...this.#podsOf(job), pod]);
    this.#made.set(job.metadata.uid, this.podsMade(job.metadata.uid) + 1);
    this.#paths.push(pod.path);
    this.#putPod(job, pod);
    this.#setStatus(job, { ...job.status, active: 1 });
    return true;
  }

  #run(job: RawJob, pod: Pod): boolean {
    const { failures, ends, starts } = this.#options.courseOf(job);
    if (starts === false) return false;
    const next: PodState =
      pod.state === 'pending' ? 'running' : (job.status?.failed ?? 0) < failures ? 'failed' : 'succeeded';
    if (next === 'succeeded' && !ends) return false;
    pod.state = next;
    this.#putPod(job, pod);
    return true;
  }

  /** The end as it is known before all Pods are gone; the end itself on a server that does not say so. */
  #announce(job: RawJob, type: End, reason: string): boolean {
    if (!this.#options.announces) return this.#end(job, type, reason);
    const early = type === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet';
    this.#setStatus(job, { ...job.status, conditions: [this.#condition(early, reason)] });
    return true;
  }

  #end(job: RawJob, type: End, reason = ''): boolean {
    this.#deletePods(job.metadata.uid, isLive);
    const conditions = [...(job.status?.conditions ?? []), this.#condition(type, reason)];
    const at = toTimestamp(this.#options.now());
    this.#setStatus(job, {
      ...job.status,
      active: 0,
      conditions,
      ...(type === 'Complete' ? { completionTime: at } : {}),
    });
    this.#options.onEnd(job, type, reason);
    return true;
  }

  #condition(type: string, reason: string): JobCondition {
    return condition(type, reason, this.#options.now());
  }

  #setStatus(job: RawJob, status: RawStatus): void {
    const { api } = this.#options;
    api.put(jobPath(NAMESPACE, job.metadata.name), { ...this.#fresh(job), status });
  }

  #fresh(job: RawJob): RawJob {
    return (this.#options.api.get(jobPath(NAMESPACE, job.metadata.name)) as RawJob | undefined) ?? job;
  }

  #podsOf(job: RawJob): Pod[] {
    return this.#pods.get(job.metadata.uid) ?? [];
  }

  #deletePods(uid: string, which: (pod: Pod) => boolean = () => true): void {
    const pods = this.#pods.get(uid) ?? [];
    for (const pod of pods.filter(which)) this.#options.api.remove(pod.path);
    const left = pods.filter((pod) => !which(pod));
    if (left.length === 0) this.#pods.delete(uid);
    else this.#pods.set(uid, left);
  }

  #putPod(job: RawJob, { path, state }: Pod): void {
    const { api, now, courseOf } = this.#options;
    const unplaced = courseOf(job).starts === false ? { isUnplaced: true as const } : {};
    api.put(path, podObject(job, { path, state, ...unplaced }, now()));
  }

  #complain(job: RawJob): boolean {
    const { api, now } = this.#options;
    const [path, event] = quotaEvent(job, now());
    if (api.get(path) !== undefined) return false;
    this.#paths.push(path);
    api.put(path, event);
    return true;
  }
}
