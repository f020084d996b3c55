/** What a transition does to the draft. Each is pure: what is to be done outside is put down as an action. */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, type EventDraft, type Failure, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { formatFieldError, validateSpec } from '../../shared/validation/index.ts';
import { currentIndex, madeJob, nextContainer, nextJobName, runningJob, runningStep, withLastStep } from './draft.ts';
import { fitMessage, fitStepMessage } from './size.ts';
import type { Action, Context, Draft } from './types.ts';

export interface Effect {
  readonly says: string;
  readonly apply: (context: Context) => Draft;
}

/** A foreign Job that goes away tells nobody of us: its name is looked at again. */
const NAME_RECHECK_MS = 2_000;
/** A Job without our labels is not watched: it is asked for. */
const UNWATCHED_RECHECK_MS = 10_000;

const act = (draft: Draft, action: Action): Draft => ({ ...draft, actions: [...draft.actions, action] });

const tell = (draft: Draft, ...events: readonly EventDraft[]): Draft => ({
  ...draft,
  events: [...draft.events, ...events],
});

function fail({ draft, now }: Context, reported: Failure): Draft {
  const failure: Failure = { ...reported, message: fitMessage(reported.message) };
  const failed: Draft = { ...draft, failure, completionTime: now };
  return tell(failed, { type: 'Warning', reason: EVENT.sequenceFailed, message: MESSAGE.failed(failure) });
}

/** A failure of the step that was to start next: there is no Job to blame. */
function failNext(context: Context, reason: string, message: string): Draft {
  const index = currentIndex(context.draft);
  return fail(context, { index, step: nextContainer(context)?.name, reason, message });
}

/** A failure of the step that runs: the step gets the reason too. */
function failRunning(context: Context, end: Pick<Failure, 'reason' | 'message'> & { readonly at: string }): Draft {
  const step = runningStep(context.draft);
  if (step === undefined) return context.draft;
  const { index, name } = step;
  const { reason, message, at } = end;
  const told = { reason, message: fitStepMessage(message) };
  const record = { ...ofJob(context), state: 'Failed', completionTime: at, ...told } as const;
  const draft = tell(withLastStep(context.draft, record), {
    type: 'Warning',
    reason: EVENT.jobFailed,
    message: EVENT_MESSAGE.jobFailed(index, name, reason, message),
  });
  return fail({ ...context, draft }, { index, step: name, reason, message });
}

/**
 * What the Job tells of the running step: when it started, and how many Pods have been: the failed ones and the one
 * that runs or has succeeded.
 */
function ofJob(context: Context): Pick<StepStatus, 'attempts' | 'startTime'> {
  const job = runningJob(context);
  if (job === undefined) return {};
  const { failed = 0, active = 0, succeeded = 0, startTime } = job.status;
  // While it runs the next Pod counts from the moment it is due, and the start is the Job's creation: what the Job
  // tells a moment later would cost one more status write.
  if (outcomeOf(job).type === 'running') return { attempts: failed + 1 };
  return { attempts: failed + active + succeeded, ...(startTime === undefined ? {} : { startTime }) };
}

function adopted(job: ObservedJob, index: number, name: string, now: string): StepStatus {
  return {
    index,
    name,
    jobName: job.metadata.name,
    jobUID: job.metadata.uid,
    state: 'Running',
    startTime: job.status.startTime ?? job.metadata.creationTimestamp ?? now,
    attempts: (job.status.failed ?? 0) + 1,
  };
}

/** After a crash the first Job may be older than this start of the sequence. RFC 3339 in UTC sorts as text. */
function earlier(a: string | undefined, b: string | undefined): string | undefined {
  return a !== undefined && b !== undefined && b < a ? b : a;
}

/** A sequence whose very first Job is refused has not started: without a start its spec can still be mended. */
function notStarted(context: Context): Context {
  if (currentIndex(context.draft) > 0) return context;
  const events = context.draft.events.filter((event) => event.reason !== EVENT.sequenceStarted);
  return { ...context, draft: { ...context.draft, startTime: undefined, events } };
}

export const EFFECTS = {
  refuseSpec: {
    says: 'record InvalidSpec with every fault; wait for another spec',
    apply: (context) => {
      const faults = validateSpec(context.snapshot.object.spec).map(formatFieldError);
      return fail(context, { reason: REASON.invalidSpec, message: MESSAGE.invalidSpec(faults) });
    },
  },
  addFinalizer: {
    says: 'add the finalizer, so that the object cannot go before its Jobs',
    apply: ({ draft }) => act(draft, { type: 'AddFinalizer' }),
  },
  startSequence: {
    says: 'set startTime',
    apply: ({ draft, snapshot, now }) =>
      tell(
        { ...draft, startTime: now },
        {
          type: 'Normal',
          reason: EVENT.sequenceStarted,
          message: EVENT_MESSAGE.sequenceStarted(snapshot.object.spec.containers.length),
        },
      ),
  },
  completeSequence: {
    says: 'set completionTime',
    apply: ({ draft, snapshot, now }) =>
      tell(
        { ...draft, completionTime: now },
        {
          type: 'Normal',
          reason: EVENT.sequenceCompleted,
          message: MESSAGE.completed(snapshot.object.spec.containers.length, secondsBetween(draft.startTime, now)),
        },
      ),
  },
  failOnName: {
    says: "record JobNameConflict; nothing of the other owner's is touched",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const owner = finding?.type === 'foreign' ? finding.owner : MESSAGE.foreignOwner.none;
      return failNext(context, REASON.jobNameConflict, MESSAGE.jobNameConflict(name, owner));
    },
  },
  awaitName: {
    says: 'look again in 2 s',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: NAME_RECHECK_MS }),
  },
  failOnRejection: {
    says: "record JobRejected with the API server's answer; wait for another spec",
    apply: (context) => {
      const name = nextJobName(context);
      const finding = context.snapshot.findings[name];
      const answer = finding?.type === 'rejected' ? finding.message : '';
      return failNext(notStarted(context), REASON.jobRejected, MESSAGE.jobRejected(name, answer));
    },
  },
  adoptJob: {
    says: "record the step with its Job's name and UID",
    apply: (context) => {
      const { draft, now } = context;
      const job = madeJob(context);
      const name = job?.step.name ?? nextContainer(context)?.name;
      if (job === undefined || name === undefined) return draft;
      const index = currentIndex(draft);
      const step = adopted(job, index, name, now);
      return tell(
        { ...draft, startTime: earlier(draft.startTime, step.startTime), steps: [...draft.steps, step] },
        { type: 'Normal', reason: EVENT.jobStarted, message: EVENT_MESSAGE.jobStarted(index, name) },
      );
    },
  },
  createJob: {
    says: "create the step's Job under its fixed name",
    apply: (context) =>
      act(context.draft, {
        type: 'CreateJob',
        index: currentIndex(context.draft),
        resumes: context.draft.resumes,
        jobName: nextJobName(context),
      }),
  },
  recordSuccess: {
    says: 'record the step as Succeeded',
    apply: (context) => {
      const job = runningJob(context);
      const step = runningStep(context.draft);
      if (job === undefined || step === undefined) return context.draft;
      const outcome = outcomeOf(job);
      const completionTime = outcome.type === 'succeeded' ? (outcome.at ?? context.now) : context.now;
      const record = { ...ofJob(context), state: 'Succeeded', completionTime, exitCode: 0 } as const;
      const draft = withLastStep(context.draft, record);
      const seconds = secondsBetween(draft.steps.at(-1)?.startTime, completionTime);
      return tell(draft, {
        type: 'Normal',
        reason: EVENT.jobCompleted,
        message: EVENT_MESSAGE.jobCompleted(step.index, step.name, seconds),
      });
    },
  },
  recordFailure: {
    says: "record the step as Failed with the Job's reason and message; keep the Job",
    apply: (context) => {
      const job = runningJob(context);
      const outcome = job === undefined ? undefined : outcomeOf(job);
      if (outcome?.type !== 'failed') return context.draft;
      return failRunning(context, { ...outcome, at: outcome.at ?? context.now });
    },
  },
  recordLoss: {
    says: 'record JobDeleted: a step is not run twice',
    apply: (context) =>
      failRunning(context, {
        reason: REASON.jobDeleted,
        message: MESSAGE.jobDeleted(runningStep(context.draft)?.jobName ?? ''),
        at: context.now,
      }),
  },
  confirmJob: {
    says: 'ask the API server for the Job',
    apply: ({ draft }) => {
      const step = runningStep(draft);
      return act(draft, { type: 'ConfirmJob', jobName: step?.jobName ?? '', jobUID: step?.jobUID ?? '' });
    },
  },
  askAgain: {
    says: 'look again in 10 s',
    apply: ({ draft }) => ({ ...draft, requeueAfterMs: UNWATCHED_RECHECK_MS }),
  },
  refreshStep: {
    says: 'count attempts',
    apply: (context) => withLastStep(context.draft, ofJob(context)),
  },
  forgetRefusal: {
    says: 'clear the failure',
    apply: ({ draft }) => ({ ...draft, failure: undefined, completionTime: undefined }),
  },
  forgetStart: {
    says: 'clear the failure and begin anew',
    apply: ({ draft }) => ({ ...draft, failure: undefined, completionTime: undefined, startTime: undefined }),
  },
  deleteJobs: {
    says: 'delete the Jobs, in the foreground: their Pods go first',
    apply: ({ draft, snapshot }) =>
      act(draft, {
        type: 'DeleteJobs',
        jobs: snapshot.jobs.filter((job) => job.metadata.deletionTimestamp === undefined),
      }),
  },
  removeFinalizer: {
    says: 'remove the finalizer: the object goes',
    apply: ({ draft }) =>
      tell(act(draft, { type: 'RemoveFinalizer' }), {
        type: 'Normal',
        reason: EVENT.cleanedUp,
        message: EVENT_MESSAGE.cleanedUp(),
      }),
  },
  none: { says: 'nothing', apply: ({ draft }) => draft },
} as const satisfies Readonly<Record<string, Effect>>;

export type EffectName = keyof typeof EFFECTS;
