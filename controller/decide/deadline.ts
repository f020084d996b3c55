/** `activeDeadlineSeconds` of the sequence. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { isAbandoned, isOverdue } from './clock.ts';
import { isOwned, ownedJob, runningFinding, runningJob } from './step-view.ts';
import { act } from './draft-actions.ts';
import { fail, failNext, stepDeadlineExceeded } from './outcome.ts';
import { lostPods } from './pods-left.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { inspectPods } from './step.ts';
import { isSuspended } from './suspend.ts';
import type { Context } from './types.ts';
import { withObstacle } from './waiting.ts';

/** Whether the time is up, and the Job is not ours to end. */
function isDeadlineOfUnownedJob(context: Context): boolean {
  const job = runningJob(context);
  return job !== undefined && isOverdue(context) && !isOwned(job, context.snapshot);
}

/** Whether the Job was ended because the time is up, and cannot end. */
const isWaitingForLostPod = (context: Context): boolean =>
  isOverdue(context) && runningJob(context)?.deadlineSeconds === 0 && lostPods(context).length > 0;

/** What is on record about a step that could not start is about the one that runs there, if one does. */
function includeKnownObstacle(context: Context, failure: string): string {
  const isOfAnother = context.snapshot.object.status?.steps?.some(({ state }) => state === 'Running') === true;
  return isOfAnother ? failure : withObstacle(context, failure);
}

const guards = defineGuards({
  deadlineExceeded: {
    description: 'the sequence was active for longer than activeDeadlineSeconds',
    holds: isOverdue,
  },
  lostPodNotConfirmed: {
    description:
      'the time is up, the Job waits for a Pod that should have ended long ago, and nobody has asked whether it is still there',
    holds: (context) => {
      const job = runningJob(context);
      const isHeldByUs = isSuspended(context) && job?.suspended?.byOperator === true;
      const seemsLost =
        isOverdue(context) && (isHeldByUs || job?.deadlineSeconds === 0) && lostPods(context).length > 0;
      return seemsLost && runningFinding(context)?.type !== 'inspected';
    },
  },
  deadlinePassed: {
    description: 'the sequence was active for longer than activeDeadlineSeconds, and the Job does not know it',
    holds: (context) => {
      const job = ownedJob(context);
      const standsStill = isSuspended(context) && job?.suspended?.byOperator === true && lostPods(context).length === 0;
      return job !== undefined && isOverdue(context) && !standsStill && job.deadlineSeconds !== 0;
    },
  },
  jobCannotEnd: {
    description:
      'the time is up, and the Job does not end: somebody else suspended it, runs it (managedBy) or took it from the sequence, or the node of its Pod is lost',
    holds: (context) => {
      const job = runningJob(context);
      const isHeld = job?.suspended?.byOperator === false && (job.status.active ?? 0) === 0;
      return (
        (isHeld && isOverdue(context)) ||
        isDeadlineOfUnownedJob(context) ||
        isWaitingForLostPod(context) ||
        isAbandoned(context)
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
    description: 'give the Job a time limit of 0 s: the Job controller ends it, and it stays as evidence',
    apply: (context) => {
      const job = runningJob(context);
      const seconds = context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
      return job === undefined ? context.draft : act(context.draft, { type: 'TerminateJob', job, seconds });
    },
  },
  recordDeadline: {
    description: 'record DeadlineExceeded; should a Job of ours ever go on, its own time limit of 0 s ends it',
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
 * While a step runs. A suspended step is not failed by the deadline: `deadlinePassed` does not hold while the Job is
 * suspended by us and has no lost Pods, and the time spent suspended does not count (clock.ts).
 */
export const deadlineInStepRows: readonly Row[] = [
  { guard: guards.lostPodNotConfirmed, effect: inspectPods },
  { guard: guards.deadlinePassed, effect: effects.terminateJob },
  { guard: guards.jobCannotEnd, effect: effects.recordDeadline, to: 'Failed' },
];
