/** `finally`: steps that run in order after the others have ended, whatever their end. */
import { EVENT, EVENT_MESSAGE, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { FinallyStep, When } from '../../shared/api/types.ts';
import { nonEmptyString } from '../../shared/json/untrusted.ts';
import { completionMessage, finallyFailures, outcomeMessage } from './completion-message.ts';
import {
  awaitJobCreation,
  awaitJobName,
  createRows,
  guards as createGuards,
  inferLaterStep,
  previousPodsRows,
  recordJob,
} from './create-job.ts';
import { dependencyRows } from './dependencies.ts';
import { emit, fail } from './outcome.ts';
import { finallyPendingInStepRows, finallyPendingWithoutJobRows } from './pending-deadline.ts';
import { finallyResultRows } from './results.ts';
import { defineEffects, defineGuards, otherwise, type Row } from './row.ts';
import { finalizerRows, ownNamespaceRows } from './start.ts';
import { failedPodRows, finallyStepEndRows, stepProgressRows } from './step.ts';
import { nextFinding, nextJobName, nextStep } from './step-view.ts';
import { awaitStrayJobsRows, deleteStrayJobsRows } from './stray-jobs.ts';
import { finallyClaimRows } from './volume-claims.ts';
import { suspendInStepRows, suspendRows } from './suspend.ts';
import { failedWithoutJob, withNextStep } from './without-job.ts';
import type { Context, Draft } from './types.ts';

/** Whether a step with this `when` runs after this end of the other steps. An empty text counts as unset. */
function applies({ when }: FinallyStep, { draft }: Context): boolean {
  const wanted = nonEmptyString(when) ?? ('Always' satisfies When);
  return wanted === 'Always' || wanted === (draft.failure === undefined ? 'Succeeded' : 'Failed');
}

const guards = defineGuards({
  finallyDue: {
    description: 'the sequence has started, and a step of finally applies to its end',
    holds: (context) => {
      const { draft, snapshot } = context;
      if (draft.startTime === undefined || draft.finally !== undefined || snapshot.isInOwnNamespace === true)
        return false;
      return (snapshot.object.spec.finally ?? []).some((step) => applies(step, context));
    },
  },
  finallyFailed: {
    description: 'the other steps have completed, and a step of finally without onFailure: Continue has failed',
    holds: (context) => context.draft.failure === undefined && finallyFailures(context).length > 0,
  },
  sequenceFailed: {
    description: 'a failure has ended the steps',
    holds: ({ draft }) => draft.failure !== undefined,
  },
  outcomeNotRecorded: {
    description: 'the recorded status does not say how the steps have ended: another client has changed it',
    holds: ({ draft, snapshot: { object } }) => {
      const { failureReason, failedIndex } = object.status?.progress ?? {};
      return failureReason !== draft.failure?.reason || failedIndex !== draft.failure?.index;
    },
  },
  stepDoesNotApply: {
    description: '`when` of the next step excludes this end',
    holds: (context) => {
      const step = nextStep(context);
      return step !== undefined && !applies(step, context);
    },
  },
});

const effects = defineEffects({
  startFinally: {
    description: 'record how the steps have ended, before the first Job of finally is created',
    apply: (context) =>
      emit(
        { ...context.draft, finally: [], requeueAfterMs: 0 },
        {
          type: 'Normal',
          reason: EVENT.finallyStarted,
          message: EVENT_MESSAGE.finallyStarted(outcomeMessage(context)),
        },
      ),
  },
  recordOutcome: {
    description: 'record it again, before a Job is created whose Pods read it',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: 0 }),
  },
  failOnFinally: {
    description: 'record FinallyFailed; set completionTime',
    apply: (context) => {
      const message = MESSAGE.finallyFailed(finallyFailures(context));
      return endFailed({ ...context, draft: fail(context, { reason: REASON.finallyFailed, message }) });
    },
  },
  failSequence: {
    description: 'set completionTime; keep the Jobs',
    apply: (context) => {
      const { failure } = context.draft;
      const failed = finallyFailures(context);
      if (failure === undefined || failed.length === 0) return endFailed(context);
      const message = MESSAGE.withCause(failure.message, MESSAGE.finallyFailed(failed));
      return endFailed({ ...context, draft: fail(context, { ...failure, message }) });
    },
  },
  completeSequence: {
    description: 'set completionTime',
    apply: (context) => {
      const { draft, now } = context;
      const ended = { ...draft, completionTime: now };
      const message = completionMessage({ ...context, draft: ended });
      return emit(ended, { type: 'Normal', reason: EVENT.sequenceCompleted, message });
    },
  },
  skipStep: {
    description: 'record the step as Skipped',
    apply: (context) => withNextStep(context, { state: 'Skipped' }),
  },
  completeFinally: {
    description: 'the sequence ends',
    apply: (context) => {
      const message = EVENT_MESSAGE.finallyCompleted(finallyFailures(context));
      return emit(context.draft, { type: 'Normal', reason: EVENT.finallyCompleted, message });
    },
  },
  recordNameConflict: {
    description: "record the step as Failed with JobNameConflict; leave the other owner's Job unchanged",
    apply: (context) => {
      const finding = nextFinding(context);
      const owner = finding?.type === 'nameConflict' ? finding.owner : MESSAGE.foreignOwner.none;
      return failedWithoutJob(context, REASON.jobNameConflict, MESSAGE.jobNameConflict(nextJobName(context), owner));
    },
  },
  recordRejection: {
    description: "record the step as Failed with JobRejected and the API server's answer",
    apply: (context) => {
      const finding = nextFinding(context);
      const answer = finding?.type === 'rejected' ? finding.message : '';
      return failedWithoutJob(context, REASON.jobRejected, MESSAGE.jobRejected(nextJobName(context), answer));
    },
  },
});

/** The end of a sequence that has failed. */
function endFailed({ draft, snapshot, now }: Context): Draft {
  const { failure } = draft;
  // A resume that was requested before the failure (which bypassed the webhook) is not a resume of this failure.
  const resumes = Math.max(draft.resumes, snapshot.object.spec.resume ?? 0);
  const ended: Draft = { ...draft, completionTime: now, resumes };
  if (failure === undefined) return ended;
  return emit(ended, { type: 'Warning', reason: EVENT.sequenceFailed, message: MESSAGE.failed(failure) });
}

/** All steps have ended, or a failure has ended them. */
export const endRows: readonly Row[] = [
  { guard: guards.finallyDue, effect: effects.startFinally, to: 'FinallyPending' },
  { guard: guards.finallyFailed, effect: effects.failOnFinally, to: 'Failed' },
  { guard: guards.sequenceFailed, effect: effects.failSequence, to: 'Failed' },
  { guard: otherwise, effect: effects.completeSequence, to: 'Completed' },
];

/** As StepPending, but neither a failure nor a deadline ends these steps, and they have no dry run of their own. */
export const finallyPendingRows: readonly Row[] = [
  finalizerRows,
  deleteStrayJobsRows,
  [
    { guard: createGuards.jobExists, effect: recordJob, to: 'FinallyRunning', continues: true },
    { guard: guards.stepDoesNotApply, effect: effects.skipStep, to: 'FinallyPending', continues: true },
    { guard: createGuards.laterStepHasJob, effect: inferLaterStep },
  ] satisfies readonly Row[],
  // Also before the end: what follows it, such as a step after a corrected spec, does not know the Pods of finally.
  awaitStrayJobsRows,
  previousPodsRows,
  [
    { guard: createGuards.allStepsDone, effect: effects.completeFinally, to: 'Ended', continues: true },
  ] satisfies readonly Row[],
  ownNamespaceRows,
  suspendRows,
  finallyPendingWithoutJobRows,
  [
    { guard: createGuards.jobNameConflicts, effect: effects.recordNameConflict },
    { guard: createGuards.conflictingJobTerminating, effect: awaitJobName },
    { guard: createGuards.jobCreationPostponed, effect: awaitJobCreation },
    { guard: createGuards.jobRejected, effect: effects.recordRejection },
  ] satisfies readonly Row[],
  [{ guard: guards.outcomeNotRecorded, effect: effects.recordOutcome }] satisfies readonly Row[],
  dependencyRows,
  finallyClaimRows,
  createRows,
].flat();

export const finallyRunningRows: readonly Row[] = [
  finalizerRows,
  deleteStrayJobsRows,
  failedPodRows,
  finallyResultRows,
  finallyStepEndRows,
  finallyPendingInStepRows,
  suspendInStepRows,
  stepProgressRows,
].flat();
