/** Pods that have not ended: what is to start next must not overlap with them. Pure. */
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';
import { MESSAGE } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { CLOCK_SKEW_MS } from './clock.ts';
import { runningJob, runningStep, strayJobs, oncePerContext } from './step-view.ts';
import { millis, ofJob } from './pods.ts';
import type { Context, Snapshot } from './types.ts';
import { unlistedPodsMs } from './unseen-pods.ts';

/** Pods of the running step's Job that have not ended, as their watch or the Job tells: also those that are being deleted. */
export function hasPodsRunning(context: Context): boolean {
  const job = runningJob(context);
  if (job === undefined) return false;
  const { active = 0, terminating = 0 } = job.status;
  return active + terminating > 0 || ofJob(context.snapshot.pods ?? [], job.metadata.uid).some((pod) => !hasEnded(pod));
}

/** The same, or a Job that was created late is being deleted: its Pods end first. */
export const containersRun = (context: Context): boolean => hasPodsRunning(context) || strayJobs(context).length > 0;

/**
 * Pods of a Job that is over that run on: a Job says so before its Pods have ended (before 1.31), and one that was
 * deleted may leave them behind. The next step, or the next attempt, must not overlap with them.
 */
export const leftoverPods = oncePerContext(({ draft, snapshot }: Context): readonly ObservedPod[] => {
  const running = (snapshot.pods ?? []).filter((pod) => !hasEnded(pod));
  if (running.length === 0) return [];
  const steps = [...draft.steps, ...(snapshot.object.status?.steps ?? [])];
  return running.filter((pod) => steps.some((step) => holdsBack(step, pod) && isOf(step, pod, snapshot)));
});

/** Of a step that succeeded only Pods that are being deleted do: of the others the watch has not told yet. */
const holdsBack = ({ state }: StepStatus, { metadata }: ObservedPod): boolean =>
  state === 'Failed' || (state === 'Succeeded' && metadata.deletionTimestamp !== undefined);

/** Its Job's, or one that its Job has left behind. */
const isOf = (step: StepStatus, pod: ObservedPod, snapshot: Snapshot): boolean =>
  step.jobUID !== undefined && (pod.jobUID === step.jobUID || isLeftBehind(step, pod, snapshot));

/**
 * Whether the Pod was left behind by the step's Job, as far as a process can tell that was not there (`--cascade=orphan`): its
 * label says so, which whoever creates a Pod can write, and it is believed where two things agree that they can't. The Job is gone,
 * or going: while it runs, its controller adopts such a Pod by itself; and the Pod is not younger than the end of the step, by the API
 * server's clock. So a label alone holds nothing back that Kubernetes would not give to the Job as well.
 */
function isLeftBehind({ jobUID, completionTime }: StepStatus, pod: ObservedPod, { jobs }: Snapshot): boolean {
  if (pod.labelJobUID !== jobUID || completionTime === undefined) return false;
  const job = jobs.find(({ metadata }) => metadata.uid === jobUID);
  if (job !== undefined && job.metadata.deletionTimestamp === undefined) return false;
  return millis(pod.metadata.creationTimestamp) <= Date.parse(completionTime) + CLOCK_SKEW_MS;
}

/** Whether spec.resume was raised beyond what has been acted on. */
export const isResumeRequested = ({ draft, snapshot }: Context): boolean =>
  draft.startTime !== undefined && (snapshot.object.spec.resume ?? 0) > draft.resumes;

/** Whether a resume is asked for, and has to wait for the end of such Pods, also of some that cannot be listed. */
export const isResumeBlocked = (context: Context): boolean =>
  isResumeRequested(context) && (leftoverPods(context).length > 0 || unlistedPodsMs(context) > 0);

/** How long after the end of its grace period a Pod that is still there is a matter for people. */
const OVERDUE_MS = 60_000;

/** When that is so of a Pod that is being deleted, in Unix milliseconds. */
function overdueMs({ metadata: { deletionTimestamp } }: ObservedPod): number | undefined {
  return deletionTimestamp === undefined ? undefined : Date.parse(deletionTimestamp) + OVERDUE_MS;
}

const isOverdue = (pod: ObservedPod, nowMs: number): boolean => nowMs >= (overdueMs(pod) ?? Infinity);

/** Those that keep the running step's Job from starting another, or from ending: one that goes may have ended, and stay. */
function podsOfStep({ draft, snapshot: { pods = [] } }: Context): readonly ObservedPod[] {
  const isThere = (pod: ObservedPod): boolean =>
    !hasEnded(pod) || (pod.metadata.deletionTimestamp !== undefined && pod.hasTerminated !== true);
  return ofJob(pods, runningStep(draft)?.jobUID ?? '').filter(isThere);
}

/** The Pods of the running step, where all that are left should have ended long ago: their node does not answer, say. */
export function lostPods(context: Context): readonly ObservedPod[] {
  // What is left in the cache where Pods may not be listed says nothing of now.
  const pods = context.snapshot.podsForbidden === true ? [] : podsOfStep(context);
  return pods.every((pod) => isOverdue(pod, context.nowMs)) ? pods : [];
}

/** When the next Pod of the running step is to count as one of these, in Unix milliseconds; undefined where none ends. */
export function nextLostPodMs(context: Context): number | undefined {
  const due = podsOfStep(context).flatMap((pod) => overdueMs(pod) ?? []);
  const ahead = due.filter((ms) => ms > context.nowMs);
  return ahead.length === 0 ? undefined : Math.min(...ahead);
}

/** How these Pods are named in a message: the nodes of those that are being deleted, and what to do where one does not end. */
export function podNames(pods: readonly ObservedPod[], nowMs: number): readonly string[] {
  const isStuck = pods.some((pod) => isOverdue(pod, nowMs));
  return pods.map(({ metadata: { name, deletionTimestamp }, node }, i) => {
    const isLast = i === pods.length - 1;
    return `${MESSAGE.unterminatedPod(name, node, deletionTimestamp)}${isStuck && isLast ? MESSAGE.lostNodeAdvice : ''}`;
  });
}
