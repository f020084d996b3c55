/**
 * Without permission to list Pods the operator cannot see when the last Pod of a Job terminates. It waits for the grace
 * period instead: after that the kubelet kills the containers.
 */
import type { StepStatus } from '../../shared/api/types.ts';
import { positionOf, stepAt, type StepPlace, type StepPosition } from '../../shared/jobs/position.ts';
import { currentPosition, runningJob } from './step-view.ts';
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

interface FailedStep {
  readonly position: StepPosition;
  readonly completionTime: string | undefined;
}

/** The failed steps, also those of an earlier attempt. A step whose Job was deleted has failed, too. */
function failedSteps({ draft, snapshot: { object } }: Context): readonly FailedStep[] {
  const failedOf = (list: StepPlace['list'], records: readonly StepStatus[] = []): readonly FailedStep[] =>
    records
      .filter(({ state }) => state === 'Failed')
      .map(({ index, completionTime }) => ({ position: positionOf(object.spec, { list, index }), completionTime }));
  const lists = [draft, object.status].flatMap((records) => [
    failedOf('steps', records?.steps),
    failedOf('finally', records?.finally),
  ]);
  return lists.flat();
}

/** How long a Pod of a failed step may run after the end of its Job, in seconds. */
export const graceSeconds = (context: Context): number =>
  Math.max(DELAY_SECONDS, ...failedSteps(context).map(({ position }) => graceOfStep(context, position)));

/** For how many more milliseconds a Pod of a failed step may run; 0 if none may. */
export function leftoverPodsGraceMs(context: Context): number {
  if (context.snapshot.podsForbidden !== true) return 0;
  const remaining = failedSteps(context).map(({ position, completionTime }) =>
    remainingGraceMs(position, completionTime, context),
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
  return remainingGraceMs(currentPosition(context), suspended?.lastTransitionTime, context);
}

function remainingGraceMs(position: StepPosition, since: string | undefined, context: Context): number {
  if (since === undefined) return 0;
  return Math.max(0, Date.parse(since) + graceOfStep(context, position) * 1000 - context.nowMs);
}
