/** Pods that have not terminated: the next Job must not overlap with them. Pure. */
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';
import { MESSAGE } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { CLOCK_SKEW_MS } from './timers.ts';
import { runningJob, runningStep, strayJobs, oncePerContext } from './step-view.ts';
import { millis, ofJob } from './pods.ts';
import { recordedSteps } from './draft.ts';
import type { Context, Snapshot } from './types.ts';
import { leftoverPodsGraceMs } from './pod-list-forbidden.ts';

/**
 * Whether Pods of the running step's Job have not terminated, by the Pod cache or the Job's counts; includes
 * terminating Pods.
 */
export function hasPodsRunning(context: Context): boolean {
  const job = runningJob(context);
  if (job === undefined) return false;
  const { active = 0, terminating = 0 } = job.status;
  return active + terminating > 0 || ofJob(context.snapshot.pods ?? [], job.metadata.uid).some((pod) => !hasEnded(pod));
}

/** As `hasPodsRunning`, or a stray Job is being deleted, whose Pods terminate first. */
export const hasContainersRunning = (context: Context): boolean =>
  hasPodsRunning(context) || strayJobs(context).length > 0;

/**
 * Running Pods of finished or deleted Jobs: before 1.31 a Job is Failed before its Pods have terminated, and a deleted
 * Job may leave Pods behind. The next step, or the next attempt, must not overlap with them.
 */
export const leftoverPods = oncePerContext(({ draft, snapshot }: Context): readonly ObservedPod[] => {
  const running = (snapshot.pods ?? []).filter((pod) => !hasEnded(pod));
  if (running.length === 0) return [];
  const steps = [...recordedSteps(draft), ...recordedSteps(snapshot.object.status)];
  return running.filter((pod) => steps.some((step) => blocksNextStep(step, pod) && belongsToStep(step, pod, snapshot)));
});

/** Only terminating Pods of a succeeded step block: for the others the Pod watch is merely behind. */
const blocksNextStep = ({ state }: StepStatus, { metadata }: ObservedPod): boolean =>
  state === 'Failed' || (state === 'Succeeded' && metadata.deletionTimestamp !== undefined);

/** The Pod is controlled by the step's Job or was orphaned by it. */
const belongsToStep = (step: StepStatus, pod: ObservedPod, snapshot: Snapshot): boolean =>
  step.jobUID !== undefined && (pod.jobUID === step.jobUID || isOrphanOf(step, pod, snapshot));

/**
 * Whether the step's Job has orphaned this Pod (`--cascade=orphan`), for a process that did not see the Job control the
 * Pod. Only the Pod's label names the Job, and every client that creates Pods can write that label. It is trusted only
 * if two more facts agree. First, the Job is deleted or being deleted: the controller of a running Job would adopt the
 * Pod. Second, by the API server's clock, the Pod is not younger than the end of the step. So a label alone blocks
 * nothing that Kubernetes would not assign to the Job as well.
 */
function isOrphanOf({ jobUID, completionTime }: StepStatus, pod: ObservedPod, { jobs }: Snapshot): boolean {
  if (pod.labelJobUID !== jobUID || completionTime === undefined) return false;
  const job = jobs.find(({ metadata }) => metadata.uid === jobUID);
  if (job !== undefined && job.metadata.deletionTimestamp === undefined) return false;
  return millis(pod.metadata.creationTimestamp) <= Date.parse(completionTime) + CLOCK_SKEW_MS;
}

/** Whether spec.resume is higher than the number of resumes already handled. */
export const isResumeRequested = ({ draft, snapshot }: Context): boolean =>
  draft.startTime !== undefined && (snapshot.object.spec.resume ?? 0) > draft.resumes;

/** Whether a requested resume has to wait for such Pods to terminate, or may have to because Pods cannot be listed. */
export const isResumeBlocked = (context: Context): boolean =>
  isResumeRequested(context) && (leftoverPods(context).length > 0 || leftoverPodsGraceMs(context) > 0);

/** How long after its grace period a Pod that still exists is reported to the user. */
const OVERDUE_MS = 60_000;

/** When a terminating Pod becomes overdue, in Unix milliseconds. */
function overdueMs({ metadata: { deletionTimestamp } }: ObservedPod): number | undefined {
  return deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp) + OVERDUE_MS;
}

const isPodOverdue = (pod: ObservedPod, nowMs: number): boolean => nowMs >= (overdueMs(pod) ?? Infinity);

/**
 * Pods that keep the running step's Job from creating another Pod or from ending. A terminating Pod whose container has
 * ended may still block the Job.
 */
function blockingPods({ draft, snapshot: { pods = [] } }: Context): readonly ObservedPod[] {
  const isBlocking = (pod: ObservedPod): boolean =>
    !hasEnded(pod) || (pod.metadata.deletionTimestamp !== undefined && pod.hasTerminated !== true);
  return ofJob(pods, runningStep(draft)?.jobUID ?? '').filter(isBlocking);
}

/** The running step's remaining Pods if all of them are overdue (their node may not respond); else none. */
export function overduePods(context: Context): readonly ObservedPod[] {
  // Without permission to list Pods the cache is outdated.
  const pods = context.snapshot.podsForbidden === true ? [] : blockingPods(context);
  return pods.every((pod) => isPodOverdue(pod, context.nowMs)) ? pods : [];
}

/** When the next Pod of the running step becomes overdue, in Unix milliseconds; undefined if none is terminating. */
export function nextOverduePodMs(context: Context): number | undefined {
  const due = blockingPods(context).flatMap((pod) => overdueMs(pod) ?? []);
  const future = due.filter((ms) => ms > context.nowMs);
  return future.length === 0 ? undefined : Math.min(...future);
}

/** Describes these Pods for a message: the nodes of the terminating ones and, if one is overdue, what to do. */
export function describePods(pods: readonly ObservedPod[], nowMs: number): readonly string[] {
  const isAnyOverdue = pods.some((pod) => isPodOverdue(pod, nowMs));
  return pods.map(({ metadata: { name, deletionTimestamp }, node }, i) => {
    const isLast = i === pods.length - 1;
    return `${MESSAGE.podNotTerminated(name, node, deletionTimestamp)}${isAnyOverdue && isLast ? MESSAGE.nodeLost : ''}`;
  });
}
