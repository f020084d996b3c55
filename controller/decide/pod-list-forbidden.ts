/**
 * Without permission to list Pods the operator cannot see when the last Pod of a Job terminates. It waits for the grace
 * period instead: after that the kubelet kills the containers.
 */
import type { StepStatus } from '../../shared/api/types.ts';
import { stepAt, type StepPosition } from '../../shared/jobs/position.ts';
import { currentIndex, runningJob } from './step-view.ts';
import type { Context } from './types.ts';

/** The API server's default (core/v1 DefaultTerminationGracePeriodSeconds). */
const DEFAULT_GRACE_SECONDS = 30;

/** Margin: a Pod is deleted shortly after its Job has ended, and killed shortly after its grace period. */
const DELAY_SECONDS = 5;

/** How long a Pod of this step may run after the end of its Job, in seconds. */
function graceOfStep({ snapshot }: Context, position: StepPosition): number {
  const { spec } = snapshot.object;
  const grace =
    stepAt(spec, position)?.pod?.terminationGracePeriodSeconds ?? spec.template?.spec?.terminationGracePeriodSeconds;
  return (grace ?? DEFAULT_GRACE_SECONDS) + DELAY_SECONDS;
}

/** The failed steps, also those of an earlier attempt. A step whose Job was deleted has failed, too. */
const failedSteps = ({ draft, snapshot }: Context): readonly StepStatus[] =>
  [...draft.steps, ...(snapshot.object.status?.steps ?? [])].filter(({ state }) => state === 'Failed');

/** How long a Pod of a failed step may run after the end of its Job, in seconds. */
export const graceSeconds = (context: Context): number =>
  Math.max(DELAY_SECONDS, ...failedSteps(context).map(({ index }) => graceOfStep(context, index)));

/** For how many more milliseconds a Pod of a failed step may run; 0 if none may. */
export function leftoverPodsGraceMs(context: Context): number {
  if (context.snapshot.podsForbidden !== true) return 0;
  const remaining = failedSteps(context).map(({ index, completionTime }) =>
    remainingGraceMs(index, completionTime, context),
  );
  return Math.max(0, ...remaining);
}

/**
 * For how many more milliseconds a Pod that the suspension deletes may run; 0 if none may. From 1.29 on the Job counts
 * terminating Pods itself.
 */
export function suspendedPodsGraceMs(context: Context): number {
  const status = runningJob(context)?.status;
  if (context.snapshot.podsForbidden !== true || status?.terminating !== undefined) return 0;
  const suspended = status?.conditions?.find(({ type }) => type === 'Suspended');
  return remainingGraceMs(currentIndex(context.draft), suspended?.lastTransitionTime, context);
}

function remainingGraceMs(position: StepPosition, since: string | undefined, context: Context): number {
  if (since === undefined) return 0;
  return Math.max(0, Date.parse(since) + graceOfStep(context, position) * 1000 - context.nowMs);
}
