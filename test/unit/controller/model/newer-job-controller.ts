/**
 * A newer Job controller, as 1.36 was seen to work: it looks at a Job in batches, so that one status write tells of
 * all that has happened to the Pods since the last; it announces the end (`FailureTarget`, `SuccessCriteriaMet`) and
 * says the end itself only when no Pod terminates any more; a Pod that is deleted runs on for its grace period.
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
  type Disruption,
  earliestDueMs,
  isOver,
  isTrue,
  type RawJob,
  type RawStatus,
  type RunningPod,
} from './cluster.ts';
import {
  ANNOUNCED,
  countsOf,
  hasEnded,
  isSame,
  isToBeCounted,
  judge,
  markToBeCounted,
  type Verdict,
  verdictOn,
  withCounts,
} from './job-verdict.ts';
import { isActive, isGoing, isTerminating, Kubelet, type KubeletOptions, type Pod } from './kubelet.ts';
import { isLive, quotaEvent } from './pod-object.ts';

export interface NewerOptions extends ClusterOptions, KubeletOptions {
  /** Whether it knows `podReplacementPolicy`, and a Job's status has `terminating` (1.29). */
  readonly countsTerminating: boolean;
  /** Whether it announces the end, and says it when no Pod terminates any more (1.31). */
  readonly waitsForPods: boolean;
}

export class NewerJobController implements Cluster {
  readonly #options: NewerOptions;
  readonly #kubelet: Kubelet;
  readonly #events: string[] = [];
  quota = false;

  constructor(options: NewerOptions) {
    this.#options = options;
    this.#kubelet = new Kubelet(options);
  }

  advance(): boolean {
    const hasRun = this.runPods();
    return this.syncJobs() || hasRun;
  }

  /** The garbage collector first: Pods whose Job is gone. */
  runPods(): boolean {
    const uids = new Set(this.jobs().map(({ metadata }) => metadata.uid));
    const owned = this.#kubelet.all().filter(({ isOrphan }) => isOrphan !== true);
    const hasCollected = this.#letGo(owned.filter(({ job }) => !uids.has(job.metadata.uid)));
    return this.#kubelet.stage() || hasCollected;
  }

  syncJobs(): boolean {
    return this.jobs()
      .map((job) => this.#sync(job))
      .includes(true);
  }

  jobs(): readonly RawJob[] {
    const jobs = this.#options.api.jobs() as readonly RawJob[];
    return jobs.filter(({ metadata }) => metadata.labels?.[LABELS.uid] !== undefined);
  }

  made(kind: 'Pod' | 'Event'): readonly Stored[] {
    if (kind === 'Pod') return this.#kubelet.objects();
    return this.#events.flatMap((path) => this.#options.api.get(path) ?? []);
  }

  busy(): readonly string[] {
    return this.#kubelet.all().flatMap((pod) => (isLive(pod) ? pod.job.metadata.uid : []));
  }

  running(): readonly RunningPod[] {
    return this.#kubelet.running();
  }

  podsMade(jobUID: string): number {
    return this.#kubelet.podsMade(jobUID);
  }

  nextMs(): number | undefined {
    return earliestDueMs(this.jobs());
  }

  disrupt(how: Disruption): void {
    const pod = this.#kubelet.all().find(isActive);
    if (pod === undefined) return;
    if (how === 'deleted') this.#kubelet.delete(pod);
    else this.#kubelet.evict(pod);
  }

  orphan(job: RawJob): void {
    for (const pod of this.#kubelet.of(job)) this.#kubelet.orphan(pod);
  }

  /** One status write at most; where a real one makes two behind each other, the second is the next time's. */
  #sync(job: RawJob): boolean {
    const pods = this.#kubelet.of(job);
    if (job.metadata.deletionTimestamp !== undefined) return this.#finalize(job, pods);
    if (isOver(job)) return false;
    const announced = verdictOn(job);
    if (pods.some(isToBeCounted)) return this.#count(job, pods, announced);
    if (announced !== undefined) return this.#write(job) || this.#end(job, announced);
    const ended = pods.filter((pod) => pod.tracking === 'tracked' && hasEnded(pod, this.#waitsForEnd(job)));
    const verdict = judge(job, pods, ended, this.#options.now());
    if (verdict !== undefined) return this.#announce(job, verdict, pods, ended);
    for (const pod of ended) markToBeCounted(pod);
    if (ended.length > 0) return this.#write(job);
    return job.spec.suspend === true ? this.#suspend(job, pods) : this.#manage(job, pods);
  }

  /** In the foreground: the Job goes when its Pods are gone. */
  #finalize(job: RawJob, pods: readonly Pod[]): boolean {
    if (pods.length > 0) return this.#letGo(pods);
    this.#options.api.remove(jobPath(NAMESPACE, job.metadata.name));
    return true;
  }

  /** A Job that fails takes its Pods with it, and counts them as failed. */
  #announce(job: RawJob, verdict: Verdict, pods: readonly Pod[], ended: readonly Pod[]): boolean {
    for (const pod of ended) markToBeCounted(pod);
    for (const pod of pods.filter(isActive)) this.#kubelet.delete(pod);
    for (const pod of pods) if (pod.tracking === 'tracked') markToBeCounted(pod);
    if (!this.#options.waitsForPods) return this.#count(job, pods, verdict);
    const { type, reason } = verdict;
    return this.#write(job, { conditions: this.#with(job, ANNOUNCED[type], reason) });
  }

  #count(job: RawJob, pods: readonly Pod[], verdict: Verdict | undefined): boolean {
    const { failed = 0, succeeded = 0 } = job.status ?? {};
    const counted = pods.filter(isToBeCounted);
    const won = counted.filter(({ tracking }) => tracking === 'to be counted as succeeded').length;
    for (const pod of counted) pod.tracking = 'counted';
    const counts = { failed: failed + counted.length - won, succeeded: succeeded + won };
    return verdict === undefined
      ? this.#write(job, counts)
      : this.#end(job, verdict, counts) || this.#write(job, counts);
  }

  /** Not before the last Pod has ended, on a server that waits. */
  #end(job: RawJob, { type, reason }: Verdict, counts: RawStatus = {}): boolean {
    if (this.#options.waitsForPods && this.#kubelet.of(job).some(isTerminating)) return false;
    const completionTime = toTimestamp(this.#options.now());
    const conditions = this.#with(job, type, reason);
    this.#write(job, { ...counts, conditions, ...(type === 'Complete' ? { completionTime } : {}) });
    this.#options.onEnd(job, type, reason);
    return true;
  }

  /** The Pods that it deletes count neither as failed nor as succeeded. */
  #suspend(job: RawJob, pods: readonly Pod[]): boolean {
    this.#letGo(pods.filter(isActive));
    if (isTrue(job, 'Suspended')) return this.#write(job);
    return this.#write(job, { conditions: this.#with(job, 'Suspended', 'JobSuspended') }, true);
  }

  #manage(job: RawJob, pods: readonly Pod[]): boolean {
    const inTheWay = this.#waitsForEnd(job) ? isLive : isActive;
    const isWanted = (job.status?.succeeded ?? 0) === 0 && !pods.some(inTheWay);
    const isRefused = isWanted && this.quota && this.#complain(job);
    if (isWanted && !this.quota) this.#kubelet.create(job);
    const isResumed = isTrue(job, 'Suspended');
    const conditions = isResumed ? this.#with(job, 'Suspended', 'JobResumed', 'False') : job.status?.conditions;
    const since = isResumed ? undefined : job.status?.startTime;
    const startTime = since ?? toTimestamp(this.#options.now());
    return this.#write(job, { startTime, ...(conditions === undefined ? {} : { conditions }) }) || isRefused;
  }

  /** Both came with the same feature gate (1.29): without it, the server drops the field. */
  #waitsForEnd({ spec }: RawJob): boolean {
    return this.#options.countsTerminating && spec.podReplacementPolicy === 'Failed';
  }

  /** False where the status says so already. */
  #write(job: RawJob, change: RawStatus = {}, isStopped = false): boolean {
    const { startTime: _, ...stopped } = job.status ?? {};
    const before = isStopped ? stopped : (job.status ?? {});
    const counts = countsOf(this.#kubelet.of(job), this.#options.countsTerminating);
    const status = withCounts({ ...before, ...change }, counts);
    if (isSame(status, job.status ?? {})) return false;
    this.#options.api.put(jobPath(NAMESPACE, job.metadata.name), { ...job, status });
    return true;
  }

  #with(job: RawJob, type: string, reason: string, status = 'True'): readonly JobCondition[] {
    const others = (job.status?.conditions ?? []).filter((one) => one.type !== type);
    return [...others, condition(type, reason, this.#options.now(), status)];
  }

  /** Deletes Pods that nobody will count. True where that is news for one. */
  #letGo(pods: readonly Pod[]): boolean {
    const news = pods.filter((pod) => !isGoing(pod) || pod.tracking !== 'counted');
    for (const pod of news) {
      pod.tracking = 'counted';
      this.#kubelet.delete(pod);
    }
    return news.length > 0;
  }

  #complain(job: RawJob): boolean {
    const { api, now } = this.#options;
    const [path, event] = quotaEvent(job, now());
    if (api.get(path) !== undefined) return false;
    this.#events.push(path);
    api.put(path, event);
    return true;
  }
}
