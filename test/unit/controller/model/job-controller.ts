/** The Job controller, the scheduler and the kubelet in one: each call of `advance` takes a Job one stage further. */
import { LABELS } from '../../../../shared/api/group.ts';
import type { JobCondition } from '../../../../shared/api/job.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { type FakeApi, jobPath, type Stored } from '../../../support/fake-api.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import type { Course } from './scenario.ts';

export interface RawJob extends Stored {
  readonly spec: {
    readonly backoffLimit?: number;
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly template: { readonly spec: { readonly containers: readonly { name: string; image: string }[] } };
  };
  readonly status?: RawStatus;
}

interface RawStatus {
  readonly active?: number;
  readonly failed?: number;
  readonly succeeded?: number;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly conditions?: readonly JobCondition[];
}

type PodState = 'pending' | 'running' | 'succeeded' | 'failed';

interface Pod {
  readonly path: string;
  state: PodState;
  isCounted: boolean;
}

export interface ClusterOptions {
  readonly api: FakeApi;
  readonly now: () => number;
  /** Whether it says SuccessCriteriaMet and FailureTarget before the end. */
  readonly announces: boolean;
  readonly courseOf: (job: RawJob) => Course;
  readonly onEnd: (job: RawJob, type: 'Complete' | 'Failed', reason: string) => void;
}

export function podPath(name: string): string {
  return `/api/v1/namespaces/${NAMESPACE}/pods/${name}`;
}

export const isTrue = (job: RawJob, type: string): boolean =>
  job.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;

export const isOver = (job: RawJob): boolean => isTrue(job, 'Complete') || isTrue(job, 'Failed');

export class JobController {
  readonly #options: ClusterOptions;
  /** By the UID of their Job. */
  readonly #pods = new Map<string, Pod[]>();
  /** The paths of all Pods and Events that were ever made. */
  readonly #paths: string[] = [];
  /** A quota that lets no Pod be created. */
  quota = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** True where something has happened. */
  advance(): boolean {
    const uids = new Set(this.jobs().map(({ metadata }) => metadata.uid));
    for (const [uid] of this.#pods) if (!uids.has(uid)) this.#deletePods(uid);
    return this.jobs()
      .map((job) => this.#stage(job))
      .includes(true);
  }

  /** Those of the sequence: what becomes of others is not played. */
  jobs(): readonly RawJob[] {
    const jobs = this.#options.api.jobs() as readonly RawJob[];
    return jobs.filter(({ metadata }) => metadata.labels?.[LABELS.uid] !== undefined);
  }

  /** The Pods or the Events that are there. */
  made(kind: 'Pod' | 'Event'): readonly Stored[] {
    const { api } = this.#options;
    return this.#paths.flatMap((path) => api.get(path) ?? []).filter((object) => object.kind === kind);
  }

  /** The UIDs of Jobs, there or not, that have a Pod which has not ended. */
  busy(): readonly string[] {
    return [...this.#pods].filter(([, pods]) => pods.some(isLive)).map(([uid]) => uid);
  }

  /** When the next Job's own time is up. */
  nextMs(): number | undefined {
    const due = this.jobs().flatMap((job) => (isOver(job) ? [] : (dueMs(job) ?? [])));
    return due.length === 0 ? undefined : Math.min(...due);
  }

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
    this.#paths.push(pod.path);
    this.#putPod(job, pod);
    this.#setStatus(job, { ...job.status, active: 1 });
    return true;
  }

  #run(job: RawJob, pod: Pod): boolean {
    const { failures, ends } = this.#options.courseOf(job);
    const next: PodState =
      pod.state === 'pending' ? 'running' : (job.status?.failed ?? 0) < failures ? 'failed' : 'succeeded';
    if (next === 'succeeded' && !ends) return false;
    pod.state = next;
    this.#putPod(job, pod);
    return true;
  }

  /** The end as it is known before all Pods are gone; the end itself on a server that does not say so. */
  #announce(job: RawJob, type: 'Complete' | 'Failed', reason: string): boolean {
    if (!this.#options.announces) return this.#end(job, type, reason);
    const early = type === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet';
    this.#setStatus(job, { ...job.status, conditions: [this.#condition(early, reason)] });
    return true;
  }

  #end(job: RawJob, type: 'Complete' | 'Failed', reason = ''): boolean {
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
    return {
      type,
      status: 'True',
      reason,
      message: `it was ${reason}`,
      lastTransitionTime: toTimestamp(this.#options.now()),
    };
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
    const { name, uid, labels } = job.metadata;
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }];
    const podName = path.slice(path.lastIndexOf('/') + 1);
    const metadata = {
      name: podName,
      namespace: NAMESPACE,
      uid: `uid-${podName}`,
      resourceVersion: '',
      labels,
      ownerReferences,
    };
    const creationTimestamp = toTimestamp(this.#options.now());
    const step = labels?.[LABELS.stepName] ?? '';
    const status = podStatus(state, step, creationTimestamp);
    this.#options.api.put(path, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, creationTimestamp } as unknown as Stored['metadata'],
      status,
    });
  }

  #complain({ metadata: { name, uid } }: RawJob): boolean {
    const event = `${name}.quota`;
    const path = `/api/v1/namespaces/${NAMESPACE}/events/${event}`;
    if (this.#options.api.get(path) !== undefined) return false;
    this.#paths.push(path);
    this.#options.api.put(path, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: event, namespace: NAMESPACE, uid: `uid-${event}`, resourceVersion: '' },
      involvedObject: { kind: 'Job', name, uid },
      type: 'Warning',
      reason: 'FailedCreate',
      message: 'exceeded quota',
      lastTimestamp: toTimestamp(this.#options.now()),
    });
    return true;
  }
}

const isLive = ({ state }: Pod): boolean => state === 'pending' || state === 'running';

function dueMs({ spec, status }: RawJob): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || spec.suspend === true || status?.startTime === undefined)
    return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

function podStatus(state: PodState, name: string, at: string): unknown {
  const exitCode = state === 'failed' ? 1 : 0;
  const reason = state === 'failed' ? 'Error' : 'Completed';
  const ended = { terminated: { exitCode, reason, message: state === 'failed' ? 'boom' : '', finishedAt: at } };
  switch (state) {
    case 'pending':
      return { phase: 'Pending' };
    case 'running':
      return { phase: 'Running', containerStatuses: [{ name, state: { running: { startedAt: at } } }] };
    case 'succeeded':
      return { phase: 'Succeeded', containerStatuses: [{ name, state: ended }] };
    case 'failed':
      return { phase: 'Failed', containerStatuses: [{ name, state: ended }] };
  }
}
