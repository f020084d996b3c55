/** `activeDeadlineSeconds` of the sequence. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { externalControllerTimedOut, isPastDeadline } from './timers.ts';
import { isOwned, ownedJob, runningFinding, runningJob } from './step-view.ts';
import { withAction } from './draft-actions.ts';
import { fail, failNext, stepDeadlineExceeded } from './outcome.ts';
import { overduePods } from './leftover-pods.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { inspectPods } from './step.ts';
import { isSuspended } from './suspend.ts';
import type { Context } from './types.ts';
import { withObstacle } from './resources-unavailable.ts';

/** Whether the deadline has passed and the sequence does not control the Job, so the operator must not end it. */
function isDeadlineOfUnownedJob(context: Context): boolean {
  const job = runningJob(context);
  return job !== undefined && isPastDeadline(context) && !isOwned(job, context.snapshot);
}

/** Whether the Job is being ended after the deadline but an overdue Pod keeps it from ending. */
const isWaitingForOverduePod = (context: Context): boolean =>
  isPastDeadline(context) && runningJob(context)?.deadlineSeconds === 0 && overduePods(context).length > 0;

/**
 * Adds the recorded obstacle to the failure, unless a step is recorded as running: the obstacle is then that step's.
 */
function includeKnownObstacle(context: Context, failure: string): string {
  const isStepRunning = context.snapshot.object.status?.steps?.some(({ state }) => state === 'Running') === true;
  return isStepRunning ? failure : withObstacle(context, failure);
}

const guards = defineGuards({
  deadlineExceeded: {
    description: 'activeDeadlineSeconds of the sequence has passed',
    holds: isPastDeadline,
  },
  overduePodNotConfirmed: {
    description: 'the deadline has passed, the Job waits for an overdue Pod, and the Pods have not been listed',
    holds: (context) => {
      const job = runningJob(context);
      const isSuspendedByUs = isSuspended(context) && job?.suspended?.byOperator === true;
      const isWaiting =
        isPastDeadline(context) && (isSuspendedByUs || job?.deadlineSeconds === 0) && overduePods(context).length > 0;
      return isWaiting && runningFinding(context)?.type !== 'inspected';
    },
  },
  deadlinePassed: {
    description: 'the deadline has passed, and the Job has no time limit of 0 s yet',
    holds: (context) => {
      const job = ownedJob(context);
      const isSuspendedWithoutOverduePods =
        isSuspended(context) && job?.suspended?.byOperator === true && overduePods(context).length === 0;
      return (
        job !== undefined && isPastDeadline(context) && !isSuspendedWithoutOverduePods && job.deadlineSeconds !== 0
      );
    },
  },
  jobCannotEnd: {
    description:
      'the deadline has passed, and the Job does not end: another client suspended it, an external controller runs it (managedBy), the sequence no longer controls it, or the node of its Pod does not respond',
    holds: (context) => {
      const job = runningJob(context);
      const isSuspendedByOthers = job?.suspended?.byOperator === false && (job.status.active ?? 0) === 0;
      return (
        (isSuspendedByOthers && isPastDeadline(context)) ||
        isDeadlineOfUnownedJob(context) ||
        isWaitingForOverduePod(context) ||
        externalControllerTimedOut(context)
      );
    },
  },
});

const effects = defineEffects({
  failOnDeadline: {
    description: 'record DeadlineExceeded',
    apply: (context) => {
      const seconds = context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
      return failNext(
        context,
        REASON.deadlineExceeded,
        includeKnownObstacle(context, MESSAGE.deadlineExceeded(seconds)),
      );
    },
  },
  terminateJob: {
    description: 'set activeDeadlineSeconds of the Job to 0: the Job controller fails the Job, which stays as evidence',
    apply: (context) => {
      const job = runningJob(context);
      const seconds = context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
      return job === undefined ? context.draft : withAction(context.draft, { type: 'TerminateJob', job, seconds });
    },
  },
  recordDeadline: {
    description: 'record DeadlineExceeded; if the Job is ever unsuspended, its time limit of 0 s ends it',
    apply: (context) => {
      const late = stepDeadlineExceeded(context);
      return late === undefined ? context.draft : fail({ ...context, draft: late.draft }, late.failure);
    },
  },
});

/** Between two steps. */
export const deadlineBeforeStepRows: readonly Row[] = [
  { guard: guards.deadlineExceeded, effect: effects.failOnDeadline, to: 'Failed' },
];

/**
 * While a step runs. The deadline does not fail a suspended step: `deadlinePassed` does not hold while the operator has
 * the Job suspended and no Pod is overdue, and suspended time does not count (timers.ts).
 */
export const deadlineInStepRows: readonly Row[] = [
  { guard: guards.overduePodNotConfirmed, effect: inspectPods },
  { guard: guards.deadlinePassed, effect: effects.terminateJob },
  { guard: guards.jobCannotEnd, effect: effects.recordDeadline, to: 'Failed' },
];
