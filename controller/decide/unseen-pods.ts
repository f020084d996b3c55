/**
 * Where the operator may not list Pods, nobody tells it when the last Pod of a Job has ended. It then waits for as long as the
 * kubelet gives a Pod that is deleted: after that it kills the containers.
 */
import { runningJob } from './step-view.ts';
import type { Context } from './types.ts';

/** Of a Pod whose template says nothing (core/v1 DefaultTerminationGracePeriodSeconds). */
const DEFAULT_GRACE_SECONDS = 30;

/** A Pod is deleted a moment after its Job has ended or is gone, and killed a moment after its grace period. */
const DELAY_SECONDS = 5;

/** How long after its Job a Pod may run on. */
export function graceSeconds({ snapshot }: Context): number {
  const grace = snapshot.object.spec.template?.spec?.terminationGracePeriodSeconds ?? undefined;
  return (grace ?? DEFAULT_GRACE_SECONDS) + DELAY_SECONDS;
}

/**
 * For how many milliseconds a Pod of a step that has failed may still run on; 0 where none may. A step whose Job was deleted has
 * failed, too.
 */
export function unlistedPodsMs(context: Context): number {
  const { draft, snapshot } = context;
  if (snapshot.podsForbidden !== true) return 0;
  const steps = [...draft.steps, ...(snapshot.object.status?.steps ?? [])];
  return Math.max(
    0,
    ...steps.map(({ state, completionTime }) => (state === 'Failed' ? graceLeftMs(completionTime, context) : 0)),
  );
}

/**
 * For how many milliseconds the Pod that a suspension deletes may still run; 0 where it may not. From 1.29 on the Job itself
 * counts it.
 */
export function suspendedPodsMs(context: Context): number {
  const status = runningJob(context)?.status;
  if (context.snapshot.podsForbidden !== true || status?.terminating !== undefined) return 0;
  const suspended = status?.conditions?.find(({ type }) => type === 'Suspended');
  return graceLeftMs(suspended?.lastTransitionTime, context);
}

function graceLeftMs(since: string | undefined, context: Context): number {
  if (since === undefined) return 0;
  return Math.max(0, Date.parse(since) + graceSeconds(context) * 1000 - context.nowMs);
}
