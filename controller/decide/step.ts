/** A step whose Job is recorded: its progress and its end. */
import { endedByOperator, outcomeOf } from '../../shared/api/job.ts';
import { withLastStep } from './draft.ts';
import { mayContinueAfterFailure, nextStepJob, runningFinding, runningJob, runningStep } from './step-view.ts';
import { withAction, withJobAction } from './draft-actions.ts';
import { hasUnseenFailedPods } from './pod-diagnosis.ts';
import { fail, stepDeleted, stepFailed, stepSucceeded } from './outcome.ts';
import { nextOverduePodMs } from './leftover-pods.ts';
import { defineEffects, defineGuards, otherwise, type Row } from './row.ts';
import { nextEventLookup, uncachedPodRecheckMs } from './event-lookups.ts';
import type { Context } from './types.ts';

/** The watch does not show a Job without our labels: the operator polls it. */
const UNWATCHED_RECHECK_MS = 10_000;

function outcome(context: Context): string | undefined {
  const job = runningJob(context);
  return job === undefined ? undefined : outcomeOf(job).type;
}

/**
 * Whether the sequence continues after the failure of the running step. The failure of a step that the sequence's
 * deadline ended is ignored only if the next Job exists already.
 */
function failureMayBeIgnored(context: Context): boolean {
  return (
    mayContinueAfterFailure(runningStep(context.draft)?.name, context) &&
    (!endedByOperator(runningJob(context)) || nextStepJob(context) !== undefined)
  );
}

const isConfirmedDeleted = (context: Context): boolean =>
  runningJob(context) === undefined && runningFinding(context)?.type === 'notFound';

const guards = defineGuards({
  failedPodNotSeen: {
    description:
      'the Job has Complete=True and counts a failed Pod that the operator has not seen terminate: it may still run (before 1.29)',
    holds: (context) => {
      const job = runningJob(context);
      if (outcome(context) !== 'succeeded' || (job?.status.failed ?? 0) === 0) return false;
      return runningFinding(context)?.type !== 'inspected' && hasUnseenFailedPods(context.snapshot.pods ?? [], job);
    },
  },
  jobComplete: {
    description: 'the Job has Complete=True',
    holds: (context) => outcome(context) === 'succeeded',
  },
  failedPodsNotSeen: {
    description: 'the Job has Failed=True, and the cache does not have all of its failed Pods',
    holds: (context) =>
      outcome(context) === 'failed' &&
      runningFinding(context)?.type !== 'inspected' &&
      hasUnseenFailedPods(context.snapshot.pods ?? [], runningJob(context)),
  },
  failureIgnored: {
    description: 'the Job has Failed=True, and the step has onFailure: Continue',
    holds: (context) => outcome(context) === 'failed' && failureMayBeIgnored(context),
  },
  jobFailed: {
    description: 'the Job has Failed=True',
    holds: (context) => outcome(context) === 'failed',
  },
  deletionIgnored: {
    description: 'the API server confirms that the recorded Job does not exist, and the step has onFailure: Continue',
    holds: (context) =>
      isConfirmedDeleted(context) && mayContinueAfterFailure(runningStep(context.draft)?.name, context),
  },
  nextJobExists: {
    description:
      "the recorded Job does not exist, but the next step's Job does: it was created after this step had completed",
    holds: (context) =>
      isConfirmedDeleted(context) &&
      !mayContinueAfterFailure(runningStep(context.draft)?.name, context) &&
      nextStepJob(context) !== undefined,
  },
  jobDeleted: {
    description: 'the API server confirms that the recorded Job does not exist',
    holds: isConfirmedDeleted,
  },
  jobNotCached: {
    description: 'the cache does not have the recorded Job',
    holds: (context) => runningJob(context) === undefined,
  },
  jobLabelsRemoved: {
    description: 'our labels or our owner reference were removed from the Job, so the watch does not show it',
    holds: (context) => runningFinding(context)?.type === 'labelsRemoved',
  },
  eventsDue: {
    description: 'the step is stuck, and only Events about its Job or Pod can explain why',
    holds: (context) => (nextEventLookup(context, runningJob(context))?.dueMs ?? Infinity) <= context.nowMs,
  },
});

const effects = defineEffects({
  inspectPods: {
    description: 'list the Pods of the Job from the API server',
    apply: (context) => withJobAction(context, 'InspectPods'),
  },
  recordSuccess: {
    description: 'record the step as Succeeded',
    apply: stepSucceeded,
  },
  ignoreFailure: {
    description:
      'record the step as Failed with the details of its Job and Pod; continue with the next step; keep the Job',
    apply: (context) => stepFailed(context)?.draft ?? context.draft,
  },
  recordFailure: {
    description: 'record the step as Failed with the details of its Job and Pod; keep the Job',
    apply: (context) => {
      const failed = stepFailed(context);
      return failed === undefined ? context.draft : fail({ ...context, draft: failed.draft }, failed.failure);
    },
  },
  ignoreDeletion: {
    description:
      'record JobDeleted, because a step is not run twice; requeue at once: an outdated status may lack the result of the step, which the next Job needs',
    apply: (context) => ({ ...(stepDeleted(context)?.draft ?? context.draft), requeueAfterMs: 0 }),
  },
  inferSuccess: {
    description: 'record the step as Succeeded, as the existence of the next Job shows',
    apply: ({ draft, now }) => {
      const attempts = runningStep(draft)?.attempts;
      const recorded = attempts === undefined ? {} : { attempts };
      return withLastStep(draft, { ...recorded, state: 'Succeeded', completionTime: now, exitCode: 0 });
    },
  },
  recordDeletion: {
    description: 'record JobDeleted, because a step is not run twice',
    apply: (context) => {
      const deleted = stepDeleted(context);
      return deleted === undefined ? context.draft : fail({ ...context, draft: deleted.draft }, deleted.failure);
    },
  },
  confirmJob: {
    description: 'get the Job from the API server',
    apply: ({ draft }) => {
      const step = runningStep(draft);
      return withAction(draft, { type: 'ConfirmJob', jobName: step?.jobName ?? '', jobUID: step?.jobUID ?? '' });
    },
  },
  requeue: {
    description: 'requeue in 10 s',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: UNWATCHED_RECHECK_MS }),
  },
  inspectEvents: {
    description: 'list these Events from the API server',
    apply: (context) => {
      const job = runningJob(context);
      const subject = nextEventLookup(context, job)?.subject;
      if (job === undefined || subject === undefined) return context.draft;
      return withAction(context.draft, { type: 'InspectEvents', job, subject });
    },
  },
  awaitProgress: {
    description: 'requeue when the next check is due',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      const unseen = job === undefined ? undefined : uncachedPodRecheckMs(context, job);
      const due = [nextEventLookup(context, job)?.dueMs, nextOverduePodMs(context), unseen].filter(
        (ms) => ms !== undefined,
      );
      return due.length === 0 ? draft : { ...draft, requeueAfterMs: Math.max(0, Math.min(...due) - nowMs) };
    },
  },
});

export const { inspectEvents, inspectPods } = effects;

/** Before any row that records the end of the step. */
export const failedPodRows: readonly Row[] = [{ guard: guards.failedPodNotSeen, effect: effects.inspectPods }];

export const stepEndRows: readonly Row[] = [
  { guard: guards.jobComplete, effect: effects.recordSuccess, to: 'StepPending', continues: true },
  { guard: guards.failedPodsNotSeen, effect: effects.inspectPods },
  { guard: guards.failureIgnored, effect: effects.ignoreFailure, to: 'StepPending', continues: true },
  { guard: guards.jobFailed, effect: effects.recordFailure, to: 'Ended', continues: true },
  { guard: guards.deletionIgnored, effect: effects.ignoreDeletion, to: 'StepPending' },
  { guard: guards.nextJobExists, effect: effects.inferSuccess, to: 'StepPending', continues: true },
  { guard: guards.jobDeleted, effect: effects.recordDeletion, to: 'Ended', continues: true },
  { guard: guards.jobNotCached, effect: effects.confirmJob },
];

/** The end of a step of `finally`: the next one follows, whether it succeeded or failed. */
export const finallyStepEndRows: readonly Row[] = [
  { guard: guards.jobComplete, effect: effects.recordSuccess, to: 'FinallyPending', continues: true },
  { guard: guards.failedPodsNotSeen, effect: effects.inspectPods },
  { guard: guards.jobFailed, effect: effects.ignoreFailure, to: 'FinallyPending', continues: true },
  { guard: guards.jobDeleted, effect: effects.ignoreDeletion, to: 'FinallyPending' },
  { guard: guards.jobNotCached, effect: effects.confirmJob },
];

/** The Job runs and needs no change. */
export const stepProgressRows: readonly Row[] = [
  { guard: guards.jobLabelsRemoved, effect: effects.requeue },
  { guard: guards.eventsDue, effect: effects.inspectEvents },
  { guard: otherwise, effect: effects.awaitProgress },
];
