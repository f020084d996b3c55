/**
 * `job.pendingDeadlineSeconds`: a step of which no container starts in time fails with the reason of what keeps it from
 * starting. pending-time.ts has what counts.
 */
import { type Failure, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { truncate } from '../../shared/truncate.ts';
import { withAction } from './draft-actions.ts';
import { nextEventLookup } from './event-lookups.ts';
import { overduePods } from './leftover-pods.ts';
import { fail, failNext, recordFailure } from './outcome.ts';
import {
  externalEndTimedOut,
  isEndedBeforeStart,
  isPendingTooLong,
  isPodListFinal,
  pendingLimit,
  recordedObstacle,
} from './pending-time.ts';
import { isHeldByOthers } from './pods.ts';
import { obstacle } from './resources-unavailable.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { inspectEvents, inspectPods } from './step.ts';
import {
  isOwned,
  mayContinueAfterFailure,
  nextStep,
  ownedJob,
  runningFinding,
  runningJob,
  runningStep,
} from './step-view.ts';
import { failedWithoutJob } from './without-job.ts';
import type { Context, Draft } from './types.ts';

type Cause = Pick<Failure, 'reason' | 'message'>;

/** What keeps the step from starting: as observed now, else as recorded for its Job; undefined if nothing is known. */
function causeOf(context: Context): Cause | undefined {
  const found = obstacle(context);
  if (found !== undefined) return found;
  const { steps, finally: last = steps } = context.snapshot.object.status ?? {};
  const recorded = last?.at(-1)?.jobUID;
  return recorded === runningStep(context.draft)?.jobUID ? recordedObstacle(context) : undefined;
}

/** The failure of a step that has waited for too long. */
function failureOf(context: Context): Cause {
  const cause = causeOf(context);
  const { seconds, field } = pendingLimit(context) ?? { seconds: 0, field: 'pendingDeadlineSeconds' };
  const message = MESSAGE.neverStarted(seconds, field, cause?.message);
  return { reason: cause?.reason ?? REASON.pendingDeadlineExceeded, message };
}

/** Whether another client or a lost node keeps the Job from ending; it starts nothing more, even if that changes. */
function isEndHeldUp(context: Context): boolean {
  const job = ownedJob(context);
  return isEndedBeforeStart(job) && (isHeldByOthers(job) || overduePods(context).length > 0);
}

/** Whether the Job may still start a container, because the operator must not end it or cannot. */
function isBeyondControl(context: Context): boolean {
  const job = runningJob(context);
  if (job === undefined) return false;
  return isOwned(job, context.snapshot) ? externalEndTimedOut(context) : isPendingTooLong(context);
}

const mayContinue = (context: Context): boolean => mayContinueAfterFailure(nextStep(context)?.name, context);

const guards = defineGuards({
  waitedTooLongIgnored: {
    description:
      'the step has waited for longer than its pendingDeadlineSeconds for objects, quota or permissions, and has onFailure: Continue',
    holds: (context) => isPendingTooLong(context) && mayContinue(context),
  },
  waitedTooLong: {
    description: 'the step has waited for longer than its pendingDeadlineSeconds for objects, quota or permissions',
    holds: isPendingTooLong,
  },
  pendingPodsNotSeen: {
    description:
      'no container of the Job is known to have started for longer than pendingDeadlineSeconds, or an overdue Pod keeps the Job from ending, and the Pods have not been listed',
    holds: (context) => {
      if (isPodListFinal(runningFinding(context))) return false;
      return isEndedBeforeStart(runningJob(context)) ? overduePods(context).length > 0 : isPendingTooLong(context);
    },
  },
  pendingEventsNotSeen: {
    description:
      'no container of the Job has started for longer than pendingDeadlineSeconds, and the Events that can explain it have not been listed',
    holds: (context) => {
      const subject = nextEventLookup(context, runningJob(context))?.subject;
      const isUnseen = subject !== undefined && context.snapshot.eventLookup?.uid !== subject.uid;
      return isUnseen && isPendingTooLong(context) && !isEndedBeforeStart(runningJob(context));
    },
  },
  pendingTooLong: {
    description:
      'no container of the Job has started for longer than pendingDeadlineSeconds, and the Job has no time limit of 0 s yet',
    holds: (context) => {
      const job = ownedJob(context);
      return job !== undefined && job.deadlineSeconds !== 0 && isPendingTooLong(context);
    },
  },
  pendingEndHeldUpIgnored: {
    description:
      'the Job is being ended because no container started in time, but it is suspended by another client or the node of its Pod does not respond, and the step has onFailure: Continue',
    holds: (context) => isEndHeldUp(context) && mayContinue(context),
  },
  pendingJobCannotEnd: {
    description:
      'no container started in time, and the Job does not end: another client suspended it, an external controller runs it (managedBy), the sequence no longer controls it, or the node of its Pod does not respond',
    holds: (context) => isEndHeldUp(context) || isBeyondControl(context),
  },
});

/** The draft with the running step recorded as Failed, and the failure. */
function recorded(context: Context): ReturnType<typeof recordFailure> {
  const job = runningJob(context);
  const { reason, message } = job?.endedBecause ?? failureOf(context);
  const isNotOwned = job !== undefined && !isOwned(job, context.snapshot);
  const whole = isNotOwned ? MESSAGE.withCause(message, MESSAGE.jobNotOwned(job.metadata.name)) : message;
  const attempts = runningStep(context.draft)?.attempts;
  const record = { reason, message: truncate(whole), completionTime: context.now };
  return recordFailure(context, attempts === undefined ? record : { ...record, attempts }, { reason, message: whole });
}

/** The draft with the step, which has no Job, recorded as Failed. */
function recordedWithoutJob(context: Context): Draft {
  const { reason, message } = failureOf(context);
  return failedWithoutJob(context, reason, message);
}

const effects = defineEffects({
  ignoreWaiting: {
    description: 'record the step as Failed with the reason of the obstacle; continue with the next step',
    apply: recordedWithoutJob,
  },
  failWaiting: {
    description: 'record the reason of the obstacle',
    apply: (context) => {
      const { reason, message } = failureOf(context);
      return failNext(context, reason, message);
    },
  },
  terminatePendingJob: {
    description:
      'set activeDeadlineSeconds of the Job to 0 and note the obstacle on it: the Job controller fails the Job, which stays as evidence',
    apply: (context) => {
      const job = ownedJob(context);
      if (job === undefined) return context.draft;
      return withAction(context.draft, { type: 'TerminatePendingJob', job, because: failureOf(context) });
    },
  },
  ignorePending: {
    description:
      'record the step as Failed with the reason of the obstacle; continue with the next step; the Job ends when it is unsuspended',
    apply: (context) => recorded(context)?.draft ?? context.draft,
  },
  recordPending: {
    description:
      'record the reason of the obstacle; a Job that the operator gave a time limit of 0 s ends when it is unsuspended',
    apply: (context) => {
      const failed = recorded(context);
      return failed === undefined ? context.draft : fail({ ...context, draft: failed.draft }, failed.failure);
    },
  },
});

/** A step whose Job is not created yet. */
export const pendingWithoutJobRows: readonly Row[] = [
  { guard: guards.waitedTooLongIgnored, effect: effects.ignoreWaiting },
  { guard: guards.waitedTooLong, effect: effects.failWaiting, to: 'Ended', continues: true },
];

/** A step of `finally` whose Job is not created yet: the next one follows. */
export const finallyPendingWithoutJobRows: readonly Row[] = [
  { guard: guards.waitedTooLong, effect: effects.ignoreWaiting },
];

/** The Pods are listed first: the watch may be behind, and a step whose container has started must not fail. */
const pendingTooLongRows: readonly Row[] = [
  { guard: guards.pendingPodsNotSeen, effect: inspectPods },
  { guard: guards.pendingEventsNotSeen, effect: inspectEvents },
  { guard: guards.pendingTooLong, effect: effects.terminatePendingJob },
];

/** A step whose Job exists. */
export const pendingInStepRows: readonly Row[] = [
  ...pendingTooLongRows,
  { guard: guards.pendingEndHeldUpIgnored, effect: effects.ignorePending, to: 'StepPending', continues: true },
  { guard: guards.pendingJobCannotEnd, effect: effects.recordPending, to: 'Ended', continues: true },
];

/** A step of `finally` whose Job exists: the next one follows. */
export const finallyPendingInStepRows: readonly Row[] = [
  ...pendingTooLongRows,
  { guard: guards.pendingJobCannotEnd, effect: effects.ignorePending, to: 'FinallyPending', continues: true },
];
