/** `suspend`: the running Job is suspended, and nothing starts, until the field is false again. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE } from '../../shared/api/reasons.ts';
import { isOverdue, shiftDeadlineBySuspension } from './clock.ts';
import { awaitPods } from './create-job.ts';
import { currentStepLabel, ownedJob, runningFinding, runningJob, runningStep } from './step-view.ts';
import { act, actOnJob } from './draft-actions.ts';
import { emit } from './outcome.ts';
import { containersRun, hasPodsRunning } from './pods-left.ts';
import { defineEffects, defineGuards, none, otherwise, type Row } from './row.ts';
import { inspectPods } from './step.ts';
import { nextSuspension, suspendAgainInMs, suspensionUndone } from './suspension.ts';
import type { Context } from './types.ts';
import { suspendedPodsMs } from './unseen-pods.ts';

/** Whether the sequence is to stand still. */
export const isSuspended = ({ snapshot }: Context): boolean => snapshot.object.spec.suspend === true;

/** The Job of the running step, where it can be suspended and is not. */
function jobToSuspend(context: Context): ObservedJob | undefined {
  // A Job that is suspended is not ended by its time limit: the deadline comes first.
  if (!isSuspended(context) || isOverdue(context)) return undefined;
  const job = ownedJob(context);
  return job?.suspended === undefined && job?.metadata.deletionTimestamp === undefined ? job : undefined;
}

const guards = defineGuards({
  isSuspended: {
    description: 'spec.suspend is true',
    holds: isSuspended,
  },
  jobShouldSuspend: {
    description: 'spec.suspend is true, and the Job can be suspended and is not',
    holds: (context) => {
      const job = jobToSuspend(context);
      if (job === undefined || runningFinding(context)?.type === 'suspendUnsupported') return false;
      return suspendAgainInMs(job, context.nowMs) === 0;
    },
  },
  suspensionUndone: {
    description: 'spec.suspend is true, and somebody else lets the Job go on again and again',
    holds: (context) => {
      const job = jobToSuspend(context);
      return job !== undefined && suspendAgainInMs(job, context.nowMs) > 0;
    },
  },
  suspendedPodsNotSeen: {
    description:
      'the suspended Job does not count Pods that are being deleted (before 1.29), and nobody has asked for them',
    holds: (context) => {
      const job = runningJob(context);
      const isOurs = isSuspended(context) || job?.suspended?.byOperator === true;
      if (!isOurs || job?.suspended === undefined || job.status.terminating !== undefined) return false;
      if (context.draft.suspendedSince !== undefined || hasPodsRunning(context)) return false;
      return runningFinding(context)?.type !== 'inspected';
    },
  },
  stepSuspended: {
    description: 'spec.suspend is true, and no Pod of the suspended Job runs any more, not even in its grace period',
    holds: (context) => isSuspended(context) && runningJob(context)?.suspended !== undefined && !containersRun(context),
  },
  podsTerminating: {
    description:
      'spec.suspend is false, and Pods of the suspended Job, or of a deleted one, have not ended yet: its next one must not overlap with them',
    holds: (context) =>
      !isSuspended(context) &&
      ownedJob(context)?.suspended?.byOperator === true &&
      (containersRun(context) || suspendedPodsMs(context) > 0),
  },
  jobShouldUnsuspend: {
    description: 'spec.suspend is false, and the Job is suspended by us',
    holds: (context) => !isSuspended(context) && ownedJob(context)?.suspended?.byOperator === true,
  },
  unsuspendedBeforeStart: {
    description: 'spec.suspend is false again, and nothing has begun',
    holds: (context) => !isSuspended(context) && context.draft.startTime === undefined,
  },
  unsuspendedDuringStep: {
    description: "spec.suspend is false again, and a step's Job stands still",
    holds: (context) => !isSuspended(context) && runningStep(context.draft) !== undefined,
  },
  unsuspended: {
    description: 'spec.suspend is false again',
    holds: (context) => !isSuspended(context),
  },
  stepHasJob: {
    description: 'a step has its Job: it may have ended all the same',
    holds: ({ draft }) => runningStep(draft) !== undefined,
  },
  sequenceStarted: {
    description: 'the sequence has begun',
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
      const event = suspensionUndone(job, currentStepLabel(context) ?? '');
      const count = nextSuspension(job, context.nowMs);
      return act(context.draft, { type: 'SuspendJob', job, count, ...(event === undefined ? {} : { event }) });
    },
  },
  awaitSuspension: {
    description: 'suspend it again in 30 s, later in up to 5 min',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      return job === undefined ? draft : { ...draft, requeueAfterMs: suspendAgainInMs(job, nowMs) };
    },
  },
  unsuspendJob: {
    description: 'let the Job go on: the step starts afresh',
    apply: (context) => actOnJob(context, 'UnsuspendJob'),
  },
  unsuspend: {
    description: 'take the time spent suspended out of the deadline',
    apply: (context) => {
      const { draft } = context;
      const going = shiftDeadlineBySuspension(context);
      const message = EVENT_MESSAGE.unsuspended(draft.startTime === undefined ? undefined : currentStepLabel(context));
      return emit(going, { type: 'Normal', reason: EVENT.resumed, message });
    },
  },
});

/** Before the start, and between two steps. */
export const suspendRows: readonly Row[] = [{ guard: guards.isSuspended, effect: effects.suspend, to: 'Suspended' }];

export const suspendInStepRows: readonly Row[] = [
  { guard: guards.jobShouldSuspend, effect: effects.suspendJob },
  { guard: guards.suspensionUndone, effect: effects.awaitSuspension },
  { guard: guards.suspendedPodsNotSeen, effect: inspectPods },
  { guard: guards.stepSuspended, effect: effects.suspend, to: 'Suspended' },
  { guard: guards.podsTerminating, effect: awaitPods },
  { guard: guards.jobShouldUnsuspend, effect: effects.unsuspendJob },
];

/** A suspended sequence goes back to where it was: there the rows above decide whether it stays suspended. */
export const suspendedRows: readonly Row[] = [
  { guard: guards.unsuspendedBeforeStart, effect: effects.unsuspend, to: 'New', continues: true },
  { guard: guards.unsuspendedDuringStep, effect: effects.unsuspend, to: 'StepRunning', continues: true },
  { guard: guards.unsuspended, effect: effects.unsuspend, to: 'StepPending', continues: true },
  { guard: guards.stepHasJob, effect: none, to: 'StepRunning', continues: true },
  { guard: guards.sequenceStarted, effect: none, to: 'StepPending', continues: true },
  { guard: otherwise, effect: none, to: 'New', continues: true },
];
