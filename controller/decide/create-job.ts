/** A step whose Job is not recorded: record an existing Job, create one, or record why it cannot be created. */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import {
  currentIndex,
  currentPosition,
  eventStep,
  currentStepLabel,
  laterStepHasJob,
  nextFinding,
  nextJobName,
  nextStep,
  unrecordedJob,
} from './step-view.ts';
import { currentSteps, withCurrentSteps } from './draft.ts';
import { withAction } from './draft-actions.ts';
import { withoutStartTime } from './without-start-time.ts';
import { emit, failNext, stepInferred } from './outcome.ts';
import { leftoverPods } from './leftover-pods.ts';
import { defineEffects, defineGuards, none, otherwise, type Row } from './row.ts';
import { suspendedPodsGraceMs, leftoverPodsGraceMs } from './pod-list-forbidden.ts';
import { retryMs } from './resources-unavailable.ts';

/** No watch event reports the deletion of another owner's Job, and it may be missing for a Pod: they are polled. */
export const RECHECK_MS = 2_000;

function stepRecordOf(job: ObservedJob, index: number, name: string, now: string): StepStatus {
  const { failed = 0, active = 0, succeeded = 0 } = job.status;
  // A finished Job has no further attempt.
  const attempts = outcomeOf(job).type === 'running' ? failed + 1 : failed + active + succeeded;
  return {
    index,
    name,
    jobName: job.metadata.name,
    jobUID: job.metadata.uid,
    state: 'Running',
    startTime: job.status.startTime ?? job.metadata.creationTimestamp ?? now,
    attempts,
  };
}

/**
 * After a crash the first Job may be older than the `startTime` of the sequence. A Job controller that lags behind (1.20)
 * moves the Job's own `startTime`, but never before its creation. RFC 3339 times in UTC compare as text.
 */
function notAfter(startTime: string | undefined, { metadata, status }: ObservedJob): string | undefined {
  const times = [startTime, metadata.creationTimestamp, status.startTime].filter((time) => time !== undefined);
  return startTime === undefined ? undefined : times.toSorted()[0];
}

export const guards = defineGuards({
  jobExists: {
    description: "the sequence's Job for this step exists",
    holds: (context) => unrecordedJob(context) !== undefined,
  },
  laterStepHasJob: {
    description:
      'the Job of a later step exists: it was created after this step had ended, which could not be recorded',
    holds: laterStepHasJob,
  },
  allStepsDone: {
    description: 'all steps have ended',
    holds: (context) => nextStep(context) === undefined,
  },
  previousPodsRunning: {
    description:
      'Pods of a finished Job still run, or may still run if they cannot be listed; the next Job must not overlap with them',
    holds: (context) => leftoverPods(context).length > 0 || leftoverPodsGraceMs(context) > 0,
  },
  jobNameConflicts: {
    description: "another owner's Job has the step's Job name",
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'nameConflict' && finding.pendingRemoval === undefined;
    },
  },
  conflictingJobTerminating: {
    description: "another owner's Job has the step's Job name, and is being deleted or has lost its owner",
    holds: (context) => nextFinding(context)?.type === 'nameConflict',
  },
  jobCreationPostponed: {
    description: 'the API server rejects the Job for now: the quota is exhausted, or the operator lacks a permission',
    holds: (context) => nextFinding(context)?.type === 'postponed',
  },
  jobRejected: {
    description: 'the API server rejects the Job permanently (403, 422)',
    holds: (context) => nextFinding(context)?.type === 'rejected',
  },
});

const effects = defineEffects({
  recordJob: {
    description: "record the step with its Job's name and UID",
    apply: (context) => {
      const { draft, now } = context;
      const job = unrecordedJob(context);
      const name = job?.step.name ?? nextStep(context)?.name;
      if (job === undefined || name === undefined) return draft;
      const step = stepRecordOf(job, currentIndex(draft), name, now);
      const started = withCurrentSteps(draft, [...currentSteps(draft), step]);
      const recorded = { ...context, draft: { ...started, startTime: notAfter(draft.startTime, job) } };
      const message = EVENT_MESSAGE.jobStarted(currentStepLabel(recorded) ?? '');
      return emit(recorded.draft, { type: 'Normal', reason: EVENT.jobStarted, message, step: eventStep(recorded) });
    },
  },
  inferLaterStep: {
    description:
      'record the step as Succeeded or, with onFailure: Continue, as Failed with JobDeleted, because its result is unknown',
    apply: (context) => stepInferred(context) ?? context.draft,
  },
  awaitPods: {
    description: 'wait until they terminate; requeue in 2 s or, if they cannot be listed, after their grace period',
    apply: (context) => {
      const unseenMs = Math.max(leftoverPodsGraceMs(context), suspendedPodsGraceMs(context));
      return { ...context.draft, requeueAfterMs: unseenMs > 0 ? unseenMs : RECHECK_MS };
    },
  },
  failOnJobNameConflict: {
    description: "record JobNameConflict; leave the other owner's Job unchanged",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const owner = finding?.type === 'nameConflict' ? finding.owner : MESSAGE.foreignOwner.none;
      return failNext(context, REASON.jobNameConflict, MESSAGE.jobNameConflict(name, owner));
    },
  },
  awaitJobName: {
    description: 'requeue in 2 s',
    apply: (context) => ({ ...withoutStartTime(context).draft, requeueAfterMs: RECHECK_MS }),
  },
  awaitJobCreation: {
    description: 'record ResourcesUnavailable; retry in 5 s, later in up to 30 s',
    apply: (context) => ({ ...withoutStartTime(context).draft, requeueAfterMs: retryMs(context) }),
  },
  failOnRejection: {
    description: "record JobRejected with the API server's answer; wait for a spec change",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const answer = finding?.type === 'rejected' ? finding.message : '';
      return failNext(withoutStartTime(context), REASON.jobRejected, MESSAGE.jobRejected(name, answer));
    },
  },
  createJob: {
    description: "create the step's Job under its deterministic name",
    apply: (context) =>
      withAction(withoutStartTime(context).draft, {
        type: 'CreateJob',
        position: currentPosition(context),
        resumes: context.draft.resumes,
        jobName: nextJobName(context),
      }),
  },
});

export const { awaitPods, awaitJobCreation, awaitJobName, inferLaterStep, recordJob } = effects;

/** Existing Jobs are recorded before anything that could block the start. */
export const recordRows: readonly Row[] = [
  { guard: guards.jobExists, effect: effects.recordJob, to: 'StepRunning', continues: true },
  { guard: guards.laterStepHasJob, effect: effects.inferLaterStep },
  { guard: guards.allStepsDone, effect: none, to: 'Ended', continues: true },
];

export const previousPodsRows: readonly Row[] = [{ guard: guards.previousPodsRunning, effect: effects.awaitPods }];

/** The result of the create request of this reconcile or the previous one. */
export const notCreatedRows: readonly Row[] = [
  { guard: guards.jobNameConflicts, effect: effects.failOnJobNameConflict, to: 'Ended', continues: true },
  { guard: guards.conflictingJobTerminating, effect: effects.awaitJobName },
  { guard: guards.jobCreationPostponed, effect: effects.awaitJobCreation },
  { guard: guards.jobRejected, effect: effects.failOnRejection, to: 'Ended', continues: true },
];

export const createRows: readonly Row[] = [{ guard: otherwise, effect: effects.createJob }];
