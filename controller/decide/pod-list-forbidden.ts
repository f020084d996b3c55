/**
 * Without permission to list Pods the operator cannot see when the last Pod of a Job terminates. It waits for the grace
 * period instead: after that the kubelet kills the containers.
 */
import { runningJob } from './step-view.ts';
import { recordedSteps } from './draft.ts';
import type { Context } from './types.ts';

/** The API server's default (core/v1 DefaultTerminationGracePeriodSeconds). */
const DEFAULT_GRACE_SECONDS = 30;

/** Margin: a Pod is deleted shortly after its Job has ended, and killed shortly after its grace period. */
const DELAY_SECONDS = 5;

/** How long a Pod may run after the end of its Job, in seconds. */
export function graceSeconds({ snapshot }: Context): number {
  const grace = snapshot.object.spec.template?.spec?.terminationGracePeriodSeconds ?? undefined;
  return (grace ?? DEFAULT_GRACE_SECONDS) + DELAY_SECONDS;
}

/**
 * For how many more milliseconds a Pod of a failed step may run; 0 if none may. A step whose Job was deleted has
 * failed, too.
 */
export function leftoverPodsGraceMs(context: Context): number {
  const { draft, snapshot } = context;
  if (snapshot.podsForbidden !== true) return 0;
  const steps = [...recordedSteps(draft), ...recordedSteps(snapshot.object.status)];
  return Math.max(
    0,
    ...steps.map(({ state, completionTime }) => (state === 'Failed' ? remainingGraceMs(completionTime, context) : 0)),
  );
}

/**
 * For how many more milliseconds a Pod that the suspension deletes may run; 0 if none may. From 1.29 on the Job counts
 * terminating Pods itself.
 */
export function suspendedPodsGraceMs(context: Context): number {
  const status = runningJob(context)?.status;
  if (context.snapshot.podsForbidden !== true || status?.terminating !== undefined) return 0;
  const suspended = status?.conditions?.find(({ type }) => type === 'Suspended');
  return remainingGraceMs(suspended?.lastTransitionTime, context);
}

function remainingGraceMs(since: string | undefined, context: Context): number {
  if (since === undefined) return 0;
  return Math.max(0, Date.parse(since) + graceSeconds(context) * 1000 - context.nowMs);
}
