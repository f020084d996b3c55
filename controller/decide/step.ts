/** A step whose Job is on record: how it goes and how it ends. */
import { endedByOperator, outcomeOf } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import { withLastStep } from './draft.ts';
import { mayContinueAfterFailure, nextStepJob, runningFinding, runningJob, runningStep } from './step-view.ts';
import { act, actOnJob } from './draft-actions.ts';
import { hasUnseenFailedPods } from './explain.ts';
import { emit, fail, stepDeleted, stepFailed, succeeded } from './outcome.ts';
import { nextLostPodMs } from './pods-left.ts';
import { defineEffects, defineGuards, otherwise, type Row } from './row.ts';
import { eventQuestion, unseenPodMs } from './standstill.ts';
import type { Context } from './types.ts';

/** A Job without our labels is not watched: it is asked for. */
const UNWATCHED_RECHECK_MS = 10_000;

function outcome(context: Context): string | undefined {
  const job = runningJob(context);
  return job === undefined ? undefined : outcomeOf(job).type;
}

/**
 * Whether the sequence goes on where the running step has failed. A step that was ended because the sequence's time was
 * up is not passed over, unless that has happened already and was not recorded.
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
      'the Job says Complete=True and counts a failed Pod that nobody has seen end: it may still run (before 1.29)',
    holds: (context) => {
      const job = runningJob(context);
      if (outcome(context) !== 'succeeded' || (job?.status.failed ?? 0) === 0) return false;
      return runningFinding(context)?.type !== 'inspected' && hasUnseenFailedPods(context.snapshot.pods ?? [], job);
    },
  },
  jobComplete: {
    description: 'the Job says Complete=True',
    holds: (context) => outcome(context) === 'succeeded',
  },
  failedPodsNotSeen: {
    description: 'the Job says Failed=True, and not all of its failed Pods have been seen',
    holds: (context) =>
      outcome(context) === 'failed' &&
      runningFinding(context)?.type !== 'inspected' &&
      hasUnseenFailedPods(context.snapshot.pods ?? [], runningJob(context)),
  },
  failureIgnored: {
    description: 'the Job says Failed=True, and the step has onFailure: Continue',
    holds: (context) => outcome(context) === 'failed' && failureMayBeIgnored(context),
  },
  jobFailed: {
    description: 'the Job says Failed=True',
    holds: (context) => outcome(context) === 'failed',
  },
  deletionIgnored: {
    description: 'the API server confirms that the recorded Job does not exist, and the step has onFailure: Continue',
    holds: (context) =>
      isConfirmedDeleted(context) && mayContinueAfterFailure(runningStep(context.draft)?.name, context),
  },
  nextJobExists: {
    description:
      'the recorded Job is gone, and our Job of the step behind it exists: that was made when this one had completed',
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
    description: 'somebody took our labels or our owner reference off the Job: the watch does not show it',
    holds: (context) => runningFinding(context)?.type === 'labelsRemoved',
  },
  eventsDue: {
    description: 'the step stands still, and only the Events about its Job or Pod say why',
    holds: (context) => (eventQuestion(context, runningJob(context))?.dueMs ?? Infinity) <= context.nowMs,
  },
});

const effects = defineEffects({
  inspectPods: {
    description: 'ask the API server for the Pods of the Job',
    apply: (context) => actOnJob(context, 'InspectPods'),
  },
  recordSuccess: {
    description: 'record the step as Succeeded',
    apply: (context) => {
      const draft = succeeded(context);
      const step = draft.steps.at(-1);
      if (step === undefined) return draft;
      const { index, name, startTime, completionTime } = step;
      const message = EVENT_MESSAGE.jobCompleted(index, name, secondsBetween(startTime, completionTime));
      return emit(draft, { type: 'Normal', reason: EVENT.jobCompleted, message, step: { index, name } });
    },
  },
  ignoreFailure: {
    description: 'record the step as Failed with what its Job and its Pod say; go on; keep the Job',
    apply: (context) => stepFailed(context)?.draft ?? context.draft,
  },
  recordFailure: {
    description: 'record the step as Failed with what its Job and its Pod say; keep the Job',
    apply: (context) => {
      const failed = stepFailed(context);
      return failed === undefined ? context.draft : fail({ ...context, draft: failed.draft }, failed.failure);
    },
  },
  ignoreDeletion: {
    description: 'record JobDeleted: a step is not run twice; go on',
    apply: (context) => stepDeleted(context)?.draft ?? context.draft,
  },
  inferSuccess: {
    description: 'record the step as Succeeded: that is why the next Job was made',
    apply: ({ draft, now }) => {
      const attempts = runningStep(draft)?.attempts;
      const counted = attempts === undefined ? {} : { attempts };
      return withLastStep(draft, { ...counted, state: 'Succeeded', completionTime: now, exitCode: 0 });
    },
  },
  recordDeletion: {
    description: 'record JobDeleted: a step is not run twice',
    apply: (context) => {
      const lost = stepDeleted(context);
      return lost === undefined ? context.draft : fail({ ...context, draft: lost.draft }, lost.failure);
    },
  },
  confirmJob: {
    description: 'ask the API server for the Job',
    apply: ({ draft }) => {
      const step = runningStep(draft);
      return act(draft, { type: 'ConfirmJob', jobName: step?.jobName ?? '', jobUID: step?.jobUID ?? '' });
    },
  },
  requeue: {
    description: 'look again in 10 s',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: UNWATCHED_RECHECK_MS }),
  },
  inspectEvents: {
    description: 'ask the API server for these Events',
    apply: (context) => {
      const job = runningJob(context);
      const subject = eventQuestion(context, job)?.subject;
      if (job === undefined || subject === undefined) return context.draft;
      return act(context.draft, { type: 'InspectEvents', job, subject });
    },
  },
  awaitProgress: {
    description: 'where it stands still, look again',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      const unseen = job === undefined ? undefined : unseenPodMs(context, job);
      const due = [eventQuestion(context, job)?.dueMs, nextLostPodMs(context), unseen].filter((ms) => ms !== undefined);
      return due.length === 0 ? draft : { ...draft, requeueAfterMs: Math.max(0, Math.min(...due) - nowMs) };
    },
  },
});

export const { inspectPods } = effects;

/** The end of the Job. */
export const stepEndRows: readonly Row[] = [
  { guard: guards.failedPodNotSeen, effect: effects.inspectPods },
  { guard: guards.jobComplete, effect: effects.recordSuccess, to: 'StepPending', continues: true },
  { guard: guards.failedPodsNotSeen, effect: effects.inspectPods },
  { guard: guards.failureIgnored, effect: effects.ignoreFailure, to: 'StepPending', continues: true },
  { guard: guards.jobFailed, effect: effects.recordFailure, to: 'Failed' },
  { guard: guards.deletionIgnored, effect: effects.ignoreDeletion, to: 'StepPending', continues: true },
  { guard: guards.nextJobExists, effect: effects.inferSuccess, to: 'StepPending', continues: true },
  { guard: guards.jobDeleted, effect: effects.recordDeletion, to: 'Failed' },
  { guard: guards.jobNotCached, effect: effects.confirmJob },
];

/** The Job runs, and nothing is to be done to it. */
export const stepProgressRows: readonly Row[] = [
  { guard: guards.jobLabelsRemoved, effect: effects.requeue },
  { guard: guards.eventsDue, effect: effects.inspectEvents },
  { guard: otherwise, effect: effects.awaitProgress },
];
