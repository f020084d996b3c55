/** The deadline of the whole sequence, `spec.activeDeadlineSeconds`; that of a step is in its Job (shared/jobs/job.ts). */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { externalControllerTimedOut, isPastDeadline } from './timers.ts';
import { isOwned, ownedJob, runningFinding, runningJob } from './step-view.ts';
import { withAction } from './draft-actions.ts';
import { fail, failNext, stepDeadlineExceeded } from './outcome.ts';
import { overduePods } from './leftover-pods.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { isHeldByOthers } from './pods.ts';
import { inspectPods } from './step.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import { isSuspendRequested } from './suspend.ts';
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

/** Whether `spec.suspend` is true and the operator has suspended the Job. */
const isSuspendedByOperator = (context: Context, job: ObservedJob | undefined): boolean =>
  isSuspendRequested(context) && job?.suspended?.byOperator === true;

const guards = defineGuards({
  deadlinePassedBetweenSteps: {
    description: 'activeDeadlineSeconds of the sequence has passed',
    holds: isPastDeadline,
  },
  overduePodNotConfirmed: {
    description: 'the deadline has passed, the Job waits for an overdue Pod, and the Pods have not been listed',
    holds: (context) => {
      const job = runningJob(context);
      const isHeld = isSuspendedByOperator(context, job) || job?.deadlineSeconds === 0;
      const isWaiting = isPastDeadline(context) && isHeld && overduePods(context).length > 0;
      return isWaiting && runningFinding(context)?.type !== 'inspected';
    },
  },
  deadlinePassedInStep: {
    description:
      'the deadline has passed, the Job has no time limit of 0 s yet, and the operator has not suspended it, unless a Pod is overdue',
    holds: (context) => {
      const job = ownedJob(context);
      const isStoppedBySuspension = isSuspendedByOperator(context, job) && overduePods(context).length === 0;
      return job !== undefined && isPastDeadline(context) && !isStoppedBySuspension && job.deadlineSeconds !== 0;
    },
  },
  jobCannotEnd: {
    description:
      'the deadline has passed, and the Job does not end: another client suspended it, an external controller runs it (managedBy), the sequence no longer controls it, or the node of its Pod does not respond',
    holds: (context) => {
      return (
        (isHeldByOthers(runningJob(context)) && isPastDeadline(context)) ||
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
    description:
      'record DeadlineExceeded; a Job that the operator gave a time limit of 0 s ends when it is unsuspended',
    apply: (context) => {
      const late = stepDeadlineExceeded(context);
      return late === undefined ? context.draft : fail({ ...context, draft: late.draft }, late.failure);
    },
  },
});

/** Between two steps. */
export const deadlineBeforeStepRows: readonly Row[] = [
  { guard: guards.deadlinePassedBetweenSteps, effect: effects.failOnDeadline, to: 'Ended', continues: true },
];

/**
 * While a step runs. The deadline does not fail a suspended step. Once the suspension is recorded, no row holds, because
 * suspended time does not count (`deadlineMs` in timers.ts). Until then `deadlinePassedInStep` does not hold if the operator has
 * suspended the Job, unless a Pod is overdue. A Job that only another client suspended fails (`jobCannotEnd`).
 */
export const deadlineInStepRows: readonly Row[] = [
  { guard: guards.overduePodNotConfirmed, effect: inspectPods },
  { guard: guards.deadlinePassedInStep, effect: effects.terminateJob },
  { guard: guards.jobCannotEnd, effect: effects.recordDeadline, to: 'Ended', continues: true },
];
