/** `suspend`: suspends the running Job and starts nothing until the field is false again. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE } from '../../shared/api/reasons.ts';
import { isPastDeadline, shiftDeadlineBySuspension } from './timers.ts';
import { awaitPods } from './create-job.ts';
import { currentStepLabel, isFinishing, ownedJob, runningFinding, runningJob, runningStep } from './step-view.ts';
import { withAction, withJobAction } from './draft-actions.ts';
import { emit } from './outcome.ts';
import { hasContainersRunning, hasPodsRunning } from './leftover-pods.ts';
import { defineEffects, defineGuards, none, otherwise, type Row } from './row.ts';
import { inspectPods } from './step.ts';
import { nextSuspension, suspendAgainInMs, suspensionUndoneEvent } from './suspend-backoff.ts';
import type { Context } from './types.ts';
import { suspendedPodsGraceMs } from './pod-list-forbidden.ts';

/** Whether `spec.suspend` is true; the step may still run. */
export const isSuspendRequested = ({ snapshot }: Context): boolean => snapshot.object.spec.suspend === true;

/** The Job of the running step if it can be suspended and is not. */
function jobToSuspend(context: Context): ObservedJob | undefined {
  // The Job controller does not end a suspended Job at its time limit, so the deadline is handled first.
  if (!isSuspendRequested(context) || isPastDeadline(context)) return undefined;
  const job = ownedJob(context);
  // A Job that is being ended because it never started ends at once, unless it is suspended.
  if (job?.endedBecause !== undefined && job.deadlineSeconds === 0) return undefined;
  return job?.suspended === undefined && job?.metadata.deletionTimestamp === undefined ? job : undefined;
}

const guards = defineGuards({
  suspendRequested: {
    description: 'spec.suspend is true',
    holds: isSuspendRequested,
  },
  jobShouldSuspend: {
    description: 'spec.suspend is true, and the Job is not suspended but can be',
    holds: (context) => {
      const job = jobToSuspend(context);
      if (job === undefined || runningFinding(context)?.type === 'suspendUnsupported') return false;
      return suspendAgainInMs(job, context.nowMs) === 0;
    },
  },
  suspensionUndone: {
    description: 'spec.suspend is true, and another client keeps unsuspending the Job',
    holds: (context) => {
      const job = jobToSuspend(context);
      return job !== undefined && suspendAgainInMs(job, context.nowMs) > 0;
    },
  },
  suspendedPodsNotSeen: {
    description: 'the suspended Job does not count terminating Pods (before 1.29), and its Pods have not been listed',
    holds: (context) => {
      const job = runningJob(context);
      const isSuspending = isSuspendRequested(context) || job?.suspended?.byOperator === true;
      if (!isSuspending || job?.suspended === undefined || job.status.terminating !== undefined) return false;
      if (context.draft.suspendedSince !== undefined || hasPodsRunning(context)) return false;
      return runningFinding(context)?.type !== 'inspected';
    },
  },
  stepSuspended: {
    description: 'spec.suspend is true, and all Pods of the suspended Job have terminated',
    holds: (context) =>
      isSuspendRequested(context) && runningJob(context)?.suspended !== undefined && !hasContainersRunning(context),
  },
  podsTerminating: {
    description:
      'spec.suspend is false, but Pods of the suspended Job or of a deleted Job have not terminated; the next Pod must not overlap with them',
    holds: (context) =>
      !isSuspendRequested(context) &&
      ownedJob(context)?.suspended?.byOperator === true &&
      (hasContainersRunning(context) || suspendedPodsGraceMs(context) > 0),
  },
  jobShouldUnsuspend: {
    description: 'spec.suspend is false, and the operator has suspended the Job',
    holds: (context) => !isSuspendRequested(context) && ownedJob(context)?.suspended?.byOperator === true,
  },
  unsuspendedBeforeStart: {
    description: 'spec.suspend is false again, and the sequence has not started',
    holds: (context) => !isSuspendRequested(context) && context.draft.startTime === undefined,
  },
  unsuspendedDuringFinallyStep: {
    description: 'spec.suspend is false again, and a step of finally is recorded as running',
    holds: (context) =>
      !isSuspendRequested(context) && isFinishing(context.draft) && runningStep(context.draft) !== undefined,
  },
  unsuspendedInFinally: {
    description: 'spec.suspend is false again, and the steps of finally run',
    holds: (context) => !isSuspendRequested(context) && isFinishing(context.draft),
  },
  unsuspendedDuringStep: {
    description: 'spec.suspend is false again, and a step is recorded as running',
    holds: (context) => !isSuspendRequested(context) && runningStep(context.draft) !== undefined,
  },
  unsuspended: {
    description: 'spec.suspend is false again',
    holds: (context) => !isSuspendRequested(context),
  },
  finallyStepHasJob: {
    description: 'a step of finally is recorded as running; its Job may have ended since',
    holds: ({ draft }) => isFinishing(draft) && runningStep(draft) !== undefined,
  },
  stepsEnded: {
    description: 'the steps of finally run',
    holds: ({ draft }) => isFinishing(draft),
  },
  stepHasJob: {
    description: 'a step is recorded as running; its Job may have ended since',
    holds: ({ draft }) => runningStep(draft) !== undefined,
  },
  sequenceStarted: {
    description: 'the sequence has started',
    holds: ({ draft }) => draft.startTime !== undefined,
  },
});

const effects = defineEffects({
  suspend: {
    description: 'record Suspended; start nothing',
    apply: (context) => {
      const { draft, now } = context;
      if (draft.suspendedSince !== undefined) return draft;
      const message = MESSAGE.suspended(draft.startTime === undefined ? undefined : currentStepLabel(context));
      return emit({ ...draft, suspendedSince: now }, { type: 'Normal', reason: EVENT.suspended, message });
    },
  },
  suspendJob: {
    description: 'suspend the Job: the Job controller deletes its Pods',
    apply: (context) => {
      const job = runningJob(context);
      if (job === undefined) return context.draft;
      const event = suspensionUndoneEvent(job, currentStepLabel(context) ?? '');
      const count = nextSuspension(job, context.nowMs);
      return withAction(context.draft, { type: 'SuspendJob', job, count, ...(event === undefined ? {} : { event }) });
    },
  },
  awaitSuspension: {
    description: 'suspend the Job again in 30 s, later in up to 5 min',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      return job === undefined ? draft : { ...draft, requeueAfterMs: suspendAgainInMs(job, nowMs) };
    },
  },
  unsuspendJob: {
    description: 'unsuspend the Job: the Job controller starts the step again in a new Pod',
    apply: (context) => withJobAction(context, 'UnsuspendJob'),
  },
  unsuspend: {
    description: 'shift the deadline by the time spent suspended',
    apply: (context) => {
      const { draft } = context;
      const shifted = shiftDeadlineBySuspension(context);
      const message = EVENT_MESSAGE.unsuspended(draft.startTime === undefined ? undefined : currentStepLabel(context));
      return emit(shifted, { type: 'Normal', reason: EVENT.resumed, message });
    },
  },
});

/** Before the start, and between two steps. */
export const suspendRows: readonly Row[] = [
  { guard: guards.suspendRequested, effect: effects.suspend, to: 'Suspended' },
];

export const suspendInStepRows: readonly Row[] = [
  { guard: guards.jobShouldSuspend, effect: effects.suspendJob },
  { guard: guards.suspensionUndone, effect: effects.awaitSuspension },
  { guard: guards.suspendedPodsNotSeen, effect: inspectPods },
  { guard: guards.stepSuspended, effect: effects.suspend, to: 'Suspended' },
  { guard: guards.podsTerminating, effect: awaitPods },
  { guard: guards.jobShouldUnsuspend, effect: effects.unsuspendJob },
];

/**
 * A suspended sequence returns to its previous state, with `suspendedSince` still set; the rows of that state decide
 * whether it stays suspended.
 */
export const suspendedRows: readonly Row[] = [
  { guard: guards.unsuspendedBeforeStart, effect: effects.unsuspend, to: 'New', continues: true },
  { guard: guards.unsuspendedDuringFinallyStep, effect: effects.unsuspend, to: 'FinallyRunning', continues: true },
  { guard: guards.unsuspendedInFinally, effect: effects.unsuspend, to: 'FinallyPending', continues: true },
  { guard: guards.unsuspendedDuringStep, effect: effects.unsuspend, to: 'StepRunning', continues: true },
  { guard: guards.unsuspended, effect: effects.unsuspend, to: 'StepPending', continues: true },
  { guard: guards.finallyStepHasJob, effect: none, to: 'FinallyRunning', continues: true },
  { guard: guards.stepsEnded, effect: none, to: 'FinallyPending', continues: true },
  { guard: guards.stepHasJob, effect: none, to: 'StepRunning', continues: true },
  { guard: guards.sequenceStarted, effect: none, to: 'StepPending', continues: true },
  { guard: otherwise, effect: none, to: 'New', continues: true },
];
