/** What a transition does to the draft. Each is pure: what is to be done outside is put down as an action. */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { formatFieldError, validateSpec } from '../../shared/validation/index.ts';
import {
  currentIndex,
  currentStepLabel,
  unrecordedJob,
  nextContainer,
  nextJobName,
  runningStep,
  strayJobs,
  withLastStep,
} from './draft.ts';
import { act, type Effect } from './effect.ts';
import { LIFE_EFFECTS } from './effects-life.ts';
import { LOOK_EFFECTS } from './effects-look.ts';
import { withoutStart } from './not-started.ts';
import {
  fail,
  failNext,
  failPreflight,
  stepFailed,
  stepDeleted,
  stepDeadlineExceeded,
  stepInferred,
  succeeded,
  emit,
} from './outcome.ts';
import { completionMessage } from './summary.ts';
import type { Context } from './types.ts';
import { unlistedPodsMs, suspendedPodsMs } from './unseen-pods.ts';
import { obstacle, retryMs, withObstacle } from './waiting.ts';

/** A foreign Job that goes away tells nobody of us, nor does a Pod that vanishes: they are looked at again. */
const RECHECK_MS = 2_000;
/** A Job without our labels is not watched: it is asked for. */
const UNWATCHED_RECHECK_MS = 10_000;

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

/** What is on record about a step that could not start is about the one that runs there, if one does. */
function includeKnownObstacle(context: Context, failure: string): string {
  const isOfAnother = context.snapshot.object.status?.steps?.some(({ state }) => state === 'Running') === true;
  return isOfAnother ? failure : withObstacle(context, failure);
}

export const EFFECTS = {
  ...LIFE_EFFECTS,
  ...LOOK_EFFECTS,
  failOnNamespace: {
    description: 'record ForbiddenNamespace: its Pods could use the service account of the operator',
    apply: (context) => {
      const message = MESSAGE.forbiddenNamespace(context.snapshot.object.metadata.namespace);
      return fail(withoutStart(context), { reason: REASON.forbiddenNamespace, message });
    },
  },
  failOnInvalidSpec: {
    description: 'record InvalidSpec with every fault; wait for another spec',
    apply: (context) => {
      const faults = validateSpec(context.snapshot.object.spec).map(formatFieldError);
      return fail(context, { reason: REASON.invalidSpec, message: MESSAGE.invalidSpec(faults) });
    },
  },
  addFinalizer: {
    description: 'add the finalizer, so that the object cannot go before its Jobs',
    apply: ({ draft }) => act(draft, { type: 'AddFinalizer' }),
  },
  startSequence: {
    description: 'set startTime',
    apply: ({ draft, snapshot, now }) =>
      emit(
        { ...draft, startTime: now },
        {
          type: 'Normal',
          reason: EVENT.sequenceStarted,
          message: EVENT_MESSAGE.sequenceStarted(snapshot.object.spec.containers.length),
        },
      ),
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
  deleteStrayJobs: {
    description: 'delete the Job, and say so: no two containers of the sequence may run at once',
    apply: (context) => {
      const jobs = strayJobs(context).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const message = EVENT_MESSAGE.strayJobs(jobs.map(({ metadata }) => metadata.name));
      const event = { type: 'Warning', reason: EVENT.strayJobDeleted, message } as const;
      return act(context.draft, { type: 'DeleteStrayJobs', jobs, event });
    },
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
  preflight: {
    description: 'ask the API server by dry run for the Jobs of all steps to come',
    apply: (context) => {
      const { resumes } = context.draft;
      return act(withoutStart(context).draft, { type: 'Preflight', from: currentIndex(context.draft), resumes });
    },
  },
  failOnPreflight: {
    description: 'record JobRejected with every fault of every step; wait for another spec',
    apply: (context) => failPreflight(withoutStart(context)),
  },
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
  awaitPods: {
    description: 'wait for their end; look again in 2 s, or, where they cannot be listed, when it must have come',
    apply: (context) => {
      const unseenMs = Math.max(unlistedPodsMs(context), suspendedPodsMs(context));
      return { ...context.draft, requeueAfterMs: unseenMs > 0 ? unseenMs : RECHECK_MS };
    },
  },
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
  awaitDependency: {
    description: 'record ResourcesUnavailable; look again in 5 s, later in up to 30 s',
    apply: (context) => {
      const waiting = { ...withoutStart(context).draft, requeueAfterMs: retryMs(context) };
      const missing = obstacle(context);
      if (missing === undefined || missing.isKnown) return waiting;
      const message = MESSAGE.cannotStart(currentStepLabel(context) ?? '', missing.message);
      const step = { index: currentIndex(context.draft), name: nextContainer(context)?.name ?? '' };
      return emit(waiting, { type: 'Warning', reason: EVENT.dependencyMissing, message, step });
    },
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
  recordFailure: {
    description: 'record the step as Failed with what its Job and its Pod say; keep the Job',
    apply: (context) => {
      const failed = stepFailed(context);
      return failed === undefined ? context.draft : fail({ ...context, draft: failed.draft }, failed.failure);
    },
  },
  ignoreFailure: {
    description: 'record the step as Failed with what its Job and its Pod say; go on; keep the Job',
    apply: (context) => stepFailed(context)?.draft ?? context.draft,
  },
  recordDeletion: {
    description: 'record JobDeleted: a step is not run twice',
    apply: (context) => {
      const lost = stepDeleted(context);
      return lost === undefined ? context.draft : fail({ ...context, draft: lost.draft }, lost.failure);
    },
  },
  inferSuccess: {
    description: 'record the step as Succeeded: that is why the next Job was made',
    apply: ({ draft, now }) => {
      const attempts = runningStep(draft)?.attempts;
      const counted = attempts === undefined ? {} : { attempts };
      return withLastStep(draft, { ...counted, state: 'Succeeded', completionTime: now, exitCode: 0 });
    },
  },
  inferLaterStep: {
    description:
      'record the step as Succeeded, or, where it has onFailure: Continue, as Failed with JobDeleted: nobody knows',
    apply: (context) => stepInferred(context) ?? context.draft,
  },
  recordDeadline: {
    description: 'record DeadlineExceeded; should a Job of ours ever go on, its own time limit of 0 s ends it',
    apply: (context) => {
      const late = stepDeadlineExceeded(context);
      return late === undefined ? context.draft : fail({ ...context, draft: late.draft }, late.failure);
    },
  },
  ignoreDeletion: {
    description: 'record JobDeleted: a step is not run twice; go on',
    apply: (context) => stepDeleted(context)?.draft ?? context.draft,
  },
  requeue: {
    description: 'look again in 10 s',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: UNWATCHED_RECHECK_MS }),
  },
  clearRejection: {
    description: 'clear the failure',
    apply: ({ draft }) => ({ ...draft, failure: undefined, completionTime: undefined }),
  },
  resetBeforeStart: {
    description: 'clear the failure, to begin anew',
    apply: ({ draft, snapshot }) => ({
      ...draft,
      failure: undefined,
      completionTime: undefined,
      startTime: undefined,
      activeStartTime: undefined,
      // It never falls: a lower spec.resume is ignored.
      resumes: Math.max(draft.resumes, snapshot.object.spec.resume ?? 0),
      requeueAfterMs: 0,
    }),
  },
  deleteJobs: {
    description: 'delete the Jobs, in the foreground: their Pods go first',
    apply: ({ draft, snapshot }) =>
      act(draft, {
        type: 'DeleteJobs',
        jobs: snapshot.jobs.filter((job) => job.metadata.deletionTimestamp === undefined),
      }),
  },
  removeFinalizer: {
    description: 'remove the finalizer: the object goes',
    apply: ({ draft }) =>
      emit(act(draft, { type: 'RemoveFinalizer' }), {
        type: 'Normal',
        reason: EVENT.cleanedUp,
        message: EVENT_MESSAGE.cleanedUp(),
      }),
  },
  none: { description: 'nothing', apply: ({ draft }) => draft },
} as const satisfies Readonly<Record<string, Effect>>;

export type EffectName = keyof typeof EFFECTS;
