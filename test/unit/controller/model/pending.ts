/** What must hold of `pendingDeadlineSeconds`: of a Job that is ended for it, and of a step that waits. */
import { toObservedPod } from '../../../../controller/transform-pod.ts';
import { ENDED_BECAUSE_ANNOTATION } from '../../../../shared/api/group.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import type { StepStatus } from '../../../../shared/api/types.ts';
import { isOver, isTrue, type RawJob } from './cluster.ts';
import { broken } from './promises.ts';
import { ROUNDING_MS } from './stopwatch.ts';
import type { World } from './world.ts';

/** Why a step cannot get a Job. */
const WITHOUT_JOB: ReadonlySet<string> = new Set(['SecretNotFound', 'QuotaExceeded', 'PermissionDenied']);
/** Why a Job has no container that has started. */
const WITH_JOB: ReadonlySet<string> = new Set(['Unschedulable', 'FailedCreate', 'PendingDeadlineExceeded']);

export const isPendingReason = (reason: string | undefined): boolean =>
  reason !== undefined && (WITHOUT_JOB.has(reason) || WITH_JOB.has(reason));

/** Whether the step has failed before it had a Job. */
export const failedWithoutJob = ({ state, jobUID, reason = '' }: StepStatus): boolean =>
  state === 'Failed' && jobUID === undefined && WITHOUT_JOB.has(reason);

/** A step that waits is to have failed so long after its time was up. */
const LATE_MS = 60_000;

function newestPod({ cluster }: World, { metadata }: RawJob): ObservedPod | undefined {
  const pods = cluster.made('Pod').map(toObservedPod);
  const createdMs = (pod: ObservedPod): number => Date.parse(pod.metadata.creationTimestamp ?? '');
  return pods
    .filter(({ jobUID }) => jobUID === metadata.uid)
    .sort((a, b) => createdMs(a) - createdMs(b))
    .at(-1);
}

/** When this, or the newest Pod, was there. */
function sinceMs(from: string | undefined, newest: ObservedPod | undefined): number {
  const fromMs = Date.parse(from ?? '');
  const podMs = Date.parse(newest?.metadata.creationTimestamp ?? '');
  return Number.isNaN(podMs) ? fromMs : Math.max(fromMs, podMs);
}

/** Whether this change of a Job ends it because no container has started. */
export function endsPendingJob(change: unknown): boolean {
  const { annotations } = (change as RawJob).metadata;
  return annotations?.[ENDED_BECAUSE_ANNOTATION] !== undefined;
}

/** What is wrong with ending this Job now. */
export function faultOfPendingEnd(job: RawJob, change: unknown, world: World): string | undefined {
  const because = (change as RawJob).metadata.annotations?.[ENDED_BECAUSE_ANNOTATION] ?? '';
  const newest = newestPod(world, job);
  const hasStarted = newest !== undefined && newest.neverStarted !== true;
  if (hasStarted && !because.startsWith('FailedCreate:')) {
    return broken('pendingNeverStarted', `${job.metadata.name}, which was ended because of ${because}, has started`);
  }
  // That the Job controller has started the Job may not have been seen yet.
  const waitedMs = world.nowMs - sinceMs(job.metadata.creationTimestamp, newest);
  const isLate = waitedMs + ROUNDING_MS >= (world.scenario.pending ?? Infinity) * 1000;
  return isLate ? undefined : broken('pendingNeverStarted', `${job.metadata.name} was ended after ${waitedMs} ms`);
}

/** The Job of a running step, of which no container has started for much too long before that moment. */
export function faultOfWaiting(world: World, nextMs: number): string | undefined {
  const { object, scenario, cluster } = world;
  const running = object?.status?.steps?.find(({ state }) => state === 'Running')?.jobUID;
  const job = cluster.jobs().find(({ metadata }) => metadata.uid === running);
  const isSuspended = object?.spec.suspend === true || object?.status?.phase !== 'Running';
  if (job === undefined || scenario.pending === undefined || isSuspended || isHeld(job)) return undefined;
  const newest = newestPod(world, job);
  if (newest?.neverStarted !== true || newest.metadata.deletionTimestamp !== undefined) return undefined;
  const waitedMs = nextMs - sinceMs(job.status?.startTime, newest);
  if (waitedMs <= scenario.pending * 1000 + LATE_MS) return undefined;
  return broken('pendingEnds', `${job.metadata.name} waits for ${waitedMs} ms`);
}

/** Nothing is expected of a Job that has ended, is suspended, is being ended or is being deleted. */
function isHeld(job: RawJob): boolean {
  const { suspend, activeDeadlineSeconds } = job.spec;
  const isStopped = suspend === true || isTrue(job, 'Suspended') || job.metadata.deletionTimestamp !== undefined;
  return isOver(job) || isStopped || activeDeadlineSeconds === 0;
}
