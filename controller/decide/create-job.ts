/** A step before its Job is on record: adopt the Job that exists, create it, or say why it cannot be created. */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { currentIndex, laterStepHasJob, nextContainer, nextFinding, nextJobName, unrecordedJob } from './step-view.ts';
import { act } from './draft-actions.ts';
import { withoutStart } from './not-started.ts';
import { emit, failNext, stepInferred } from './outcome.ts';
import { leftoverPods } from './pods-left.ts';
import { defineEffects, defineGuards, otherwise, type Row } from './row.ts';
import { completionMessage } from './summary.ts';
import { suspendedPodsMs, unlistedPodsMs } from './unseen-pods.ts';
import { retryMs } from './waiting.ts';

/** A foreign Job that goes away tells nobody of us, nor does a Pod that vanishes: they are looked at again. */
const RECHECK_MS = 2_000;

function stepRecordOf(job: ObservedJob, index: number, name: string, now: string): StepStatus {
  const { failed = 0, active = 0, succeeded = 0 } = job.status;
  // Of a Job that is over already there is no next attempt to be foreseen.
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

/** After a crash the first Job may be older than this start of the sequence. RFC 3339 in UTC sorts as text. */
function earlier(a: string | undefined, b: string | undefined): string | undefined {
  return a !== undefined && b !== undefined && b < a ? b : a;
}

export const guards = defineGuards({
  jobExists: {
    description: 'our Job for this step exists',
    holds: (context) => unrecordedJob(context) !== undefined,
  },
  laterStepHasJob: {
    description:
      'our Job for a later step exists: that was made when this one was over, though nobody could put it down',
    holds: laterStepHasJob,
  },
  allStepsDone: {
    description: 'every step has been run',
    holds: (context) => nextContainer(context) === undefined,
  },
  previousPodsRunning: {
    description:
      'Pods of a Job that is over still run, or may, where they cannot be listed: the next one must not overlap with them',
    holds: (context) => leftoverPods(context).length > 0 || unlistedPodsMs(context) > 0,
  },
  jobNameConflicts: {
    description: "a Job of somebody else has the step's Job name",
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'nameConflict' && finding.leaving === undefined;
    },
  },
  conflictingJobTerminating: {
    description: "a Job of somebody else has the step's Job name, and is being deleted or has lost its owner",
    holds: (context) => nextFinding(context)?.type === 'nameConflict',
  },
  jobCreationPostponed: {
    description: 'the API server refuses the Job for now: the quota is full, or the controller lacks a permission',
    holds: (context) => nextFinding(context)?.type === 'postponed',
  },
  jobRejected: {
    description: 'the API server refuses the Job for good (403, 422)',
    holds: (context) => nextFinding(context)?.type === 'rejected',
  },
});

const effects = defineEffects({
  adoptJob: {
    description: "record the step with its Job's name and UID",
    apply: (context) => {
      const { draft, now } = context;
      const job = unrecordedJob(context);
      const name = job?.step.name ?? nextContainer(context)?.name;
      if (job === undefined || name === undefined) return draft;
      const index = currentIndex(draft);
      const step = stepRecordOf(job, index, name, now);
      return emit(
        { ...draft, startTime: earlier(draft.startTime, step.startTime), steps: [...draft.steps, step] },
        {
          type: 'Normal',
          reason: EVENT.jobStarted,
          message: EVENT_MESSAGE.jobStarted(index, name),
          step: { index, name },
        },
      );
    },
  },
  inferLaterStep: {
    description:
      'record the step as Succeeded, or, where it has onFailure: Continue, as Failed with JobDeleted: nobody knows',
    apply: (context) => stepInferred(context) ?? context.draft,
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
  awaitPods: {
    description: 'wait for their end; look again in 2 s, or, where they cannot be listed, when it must have come',
    apply: (context) => {
      const unseenMs = Math.max(unlistedPodsMs(context), suspendedPodsMs(context));
      return { ...context.draft, requeueAfterMs: unseenMs > 0 ? unseenMs : RECHECK_MS };
    },
  },
  failOnJobNameConflict: {
    description: "record JobNameConflict; nothing of the other owner's is touched",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const owner = finding?.type === 'nameConflict' ? finding.owner : MESSAGE.foreignOwner.none;
      return failNext(context, REASON.jobNameConflict, MESSAGE.jobNameConflict(name, owner));
    },
  },
  awaitJobName: {
    description: 'look again in 2 s',
    apply: (context) => ({ ...withoutStart(context).draft, requeueAfterMs: RECHECK_MS }),
  },
  awaitJobCreation: {
    description: 'record ResourcesUnavailable; try again in 5 s, later in up to 30 s',
    apply: (context) => ({ ...withoutStart(context).draft, requeueAfterMs: retryMs(context) }),
  },
  failOnRejection: {
    description: "record JobRejected with the API server's answer; wait for another spec",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const answer = finding?.type === 'rejected' ? finding.message : '';
      return failNext(withoutStart(context), REASON.jobRejected, MESSAGE.jobRejected(name, answer));
    },
  },
  createJob: {
    description: "create the step's Job under its fixed name",
    apply: (context) =>
      act(withoutStart(context).draft, {
        type: 'CreateJob',
        index: currentIndex(context.draft),
        resumes: context.draft.resumes,
        jobName: nextJobName(context),
      }),
  },
});

export const { awaitPods } = effects;

/** What exists already comes before what would keep the step from starting. */
export const adoptRows: readonly Row[] = [
  { guard: guards.jobExists, effect: effects.adoptJob, to: 'StepRunning', continues: true },
  { guard: guards.laterStepHasJob, effect: effects.inferLaterStep },
  { guard: guards.allStepsDone, effect: effects.completeSequence, to: 'Completed' },
];

export const previousPodsRows: readonly Row[] = [{ guard: guards.previousPodsRunning, effect: effects.awaitPods }];

/** The answer to the create request of this reconcile, or of the one before. */
export const notCreatedRows: readonly Row[] = [
  { guard: guards.jobNameConflicts, effect: effects.failOnJobNameConflict, to: 'Failed' },
  { guard: guards.conflictingJobTerminating, effect: effects.awaitJobName },
  { guard: guards.jobCreationPostponed, effect: effects.awaitJobCreation },
  { guard: guards.jobRejected, effect: effects.failOnRejection, to: 'Failed' },
];

export const createRows: readonly Row[] = [{ guard: otherwise, effect: effects.createJob }];
