/**
 * The Pods of a newer cluster, and the kubelet that runs them. A Pod that is deleted gets a deletionTimestamp; its
 * container runs on for its grace period, and the Pod stays until the Job controller has counted it.
 */
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { Stored } from '../../../support/fake-api.ts';
import type { ClusterOptions, RawJob, RunningPod } from './cluster.ts';
import { isLive, nameIn, podObject, podPath, type PodState } from './pod-object.ts';

/** What the Job controller knows of a Pod: it is counted in two writes, and carries a finalizer until the second. */
export type Tracking = 'tracked' | 'to be counted as failed' | 'to be counted as succeeded' | 'counted';

export interface Pod {
  readonly path: string;
  readonly job: RawJob;
  readonly createdMs: number;
  state: PodState;
  tracking: Tracking;
  deletionTimestamp?: string;
  reason?: string;
  /** Stages for which its container runs on after SIGTERM, or after its Job has left it behind. */
  grace: number;
  /** Its Job was deleted without it. */
  isOrphan?: true;
  /** No node takes it. */
  readonly isUnplaced?: true;
}

export interface KubeletOptions extends Pick<ClusterOptions, 'api' | 'now' | 'courseOf'> {
  readonly grace: number;
  /** Whether a container that gets SIGTERM exits with 0. */
  readonly exitsCleanly: boolean;
}

export const isGoing = ({ deletionTimestamp }: Pod): boolean => deletionTimestamp !== undefined;
export const isActive = (pod: Pod): boolean => isLive(pod) && !isGoing(pod);
export const isTerminating = (pod: Pod): boolean => isLive(pod) && isGoing(pod);

const neverStarts = ({ state, isUnplaced }: Pod): boolean => state === 'pending' && isUnplaced === true;

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #pods = new Set<Pod>();
  #created = 0;
  /** By the UID of their Job. */
  readonly #made = new Map<string, number>();

  constructor(options: KubeletOptions) {
    this.#options = options;
  }

  all(): readonly Pod[] {
    return [...this.#pods];
  }

  of({ metadata: { uid } }: RawJob): readonly Pod[] {
    return this.all().filter(({ job }) => job.metadata.uid === uid);
  }

  objects(): readonly Stored[] {
    return this.all().flatMap(({ path }) => this.#options.api.get(path) ?? []);
  }

  create(job: RawJob): void {
    const path = podPath(`${job.metadata.name}-${this.#created++}`);
    const { grace, now, courseOf } = this.#options;
    const unplaced = courseOf(job).starts === false ? { isUnplaced: true as const } : {};
    this.#made.set(job.metadata.uid, this.podsMade(job.metadata.uid) + 1);
    this.#put({ path, job, createdMs: now(), state: 'pending', tracking: 'tracked', grace, ...unplaced });
  }

  /** Its container gets SIGTERM. */
  delete(pod: Pod): void {
    if (isGoing(pod)) return;
    pod.deletionTimestamp = toTimestamp(this.#options.now());
    this.#put(pod);
  }

  /** Under pressure on its node the kubelet kills a Pod, and says so when that has ended. */
  evict(pod: Pod): void {
    pod.reason = 'Evicted';
    this.#become(pod, 'failed');
  }

  /** Nobody controls it any more. */
  orphan(pod: Pod): void {
    pod.isOrphan = true;
    this.#put(pod);
  }

  /** It is gone at once. True. */
  remove(pod: Pod): boolean {
    this.#options.api.remove(pod.path);
    return this.#pods.delete(pod);
  }

  /** Each Pod goes on by one stage, the older ones first. True where one has. */
  stage(): boolean {
    return this.all()
      .map((pod) => this.#step(pod))
      .includes(true);
  }

  /** The Pods whose containers run. */
  running(): readonly RunningPod[] {
    return this.all().flatMap(({ path, job, state }) =>
      state === 'running' ? { name: nameIn(path), jobUID: job.metadata.uid } : [],
    );
  }

  /** How many Pods this Job has ever had. */
  podsMade(jobUID: string): number {
    return this.#made.get(jobUID) ?? 0;
  }

  #step(pod: Pod): boolean {
    if (pod.isOrphan === true) return this.#endByItself(pod);
    if (isTerminating(pod)) return this.#terminate(pod);
    if (isGoing(pod)) return pod.tracking === 'counted' && this.remove(pod);
    if (!isLive(pod) || neverStarts(pod)) return false;
    return this.#become(pod, pod.state === 'pending' ? 'running' : this.#endOf(pod));
  }

  /** Then it is cleaned up. */
  #endByItself(pod: Pod): boolean {
    if (!isLive(pod)) return this.remove(pod);
    if (neverStarts(pod)) return this.remove(pod);
    if (pod.state === 'pending') return this.#become(pod, 'running');
    return pod.grace > 0 ? pod.grace-- > 0 : this.#become(pod, 'succeeded');
  }

  #terminate(pod: Pod): boolean {
    if (pod.state === 'pending') return this.#become(pod, 'failed');
    if (pod.grace > 0) return pod.grace-- > 0;
    return this.#become(pod, this.#options.exitsCleanly ? 'succeeded' : 'failed');
  }

  #endOf({ job, state }: Pod): PodState {
    const { api, courseOf } = this.#options;
    const { failures, ends } = courseOf(job);
    const now = api.ofKind('Job').find(({ metadata }) => metadata.uid === job.metadata.uid);
    if ((((now ?? job) as RawJob).status?.failed ?? 0) < failures) return 'failed';
    return ends ? 'succeeded' : state;
  }

  #become(pod: Pod, state: PodState): boolean {
    if (pod.state === state) return false;
    pod.state = state;
    this.#put(pod);
    return true;
  }

  #put(pod: Pod): void {
    const { api, now } = this.#options;
    this.#pods.add(pod);
    api.put(pod.path, podObject(pod.job, pod, now()));
  }
}
