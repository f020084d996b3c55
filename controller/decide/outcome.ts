/** How a step goes and how it ends, put into its record, and what is told of it. */
import { endedByOperator, type ObservedJob, outcomeOf, isFailing } from '../../shared/api/job.ts';
import type { PodTermination } from '../../shared/api/pod.ts';
import {
  EVENT,
  EVENT_MESSAGE,
  type EventDraft,
  type Failure,
  MESSAGE,
  REASON,
  stepLabel,
} from '../../shared/api/reasons.ts';
import { formatJobError } from '../../shared/jobs/job-errors.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { truncate } from '../../shared/truncate.ts';
import { withLastStep } from './draft.ts';
import {
  currentIndex,
  isOwned,
  mayContinueAfterFailure,
  nextContainer,
  nextJobName,
  runningJob,
  runningStep,
} from './step-view.ts';
import { explainFailure, hasUnseenFailedPods, latestFailure, successOf } from './explain.ts';
import { ofJob } from './pods.ts';
import { truncateMessage } from './size.ts';
import type { Context, Draft } from './types.ts';
import { withObstacle } from './waiting.ts';

/** The draft with these events behind those it has. */
export const emit = (draft: Draft, ...events: readonly EventDraft[]): Draft => ({
  ...draft,
  events: [...draft.events, ...events],
});

/** The sequence ends with this failure. */
export function fail({ draft, snapshot, now }: Context, reported: Failure): Draft {
  const failure: Failure = { ...reported, message: truncateMessage(reported.message) };
  // What was asked before the failure, past the webhook, is no resume of it.
  const resumes = Math.max(draft.resumes, snapshot.object.spec.resume ?? 0);
  const failed: Draft = { ...draft, failure, completionTime: now, resumes };
  return emit(failed, { type: 'Warning', reason: EVENT.sequenceFailed, message: MESSAGE.failed(failure) });
}

/** A failure of the step that was to start next: there is no Job to blame. */
export function failNext(context: Context, reason: string, message: string): Draft {
  const index = currentIndex(context.draft);
  return fail(context, { index, step: nextContainer(context)?.name, reason, message });
}

/**
 * The failure of the steps to come whose Jobs the API server refuses. It is told of the first one at fault; once steps have
 * run, of the one that was to start next, because how far the sequence has come decides what may still be changed.
 */
export function failPreflight(context: Context): Draft {
  const { draft, snapshot } = context;
  const faults = snapshot.preflight?.type === 'refused' ? snapshot.preflight.faults : [];
  const { containers } = snapshot.object.spec;
  const isUnderWay = draft.startTime !== undefined;
  const first = isUnderWay ? undefined : faults.find((fault) => fault.index !== undefined)?.index;
  const index = first ?? currentIndex(draft);
  const lines = faults.map((fault) => ({
    step: fault.index === undefined ? undefined : stepLabel(fault.index, containers[fault.index]?.name ?? ''),
    text: formatJobError(fault),
  }));
  const message = MESSAGE.preflightRefused(lines, isUnderWay);
  return fail(context, { index, step: containers[index]?.name, reason: REASON.jobRejected, message });
}

/** The draft with what its Job and its Pods tell of the step that runs; as it is, where its Job is out of sight or over. */
export function withProgress(context: Context): Draft {
  const job = runningJob(context);
  if (job === undefined || outcomeOf(job).type !== 'running') return context.draft;
  return withLastStep(context.draft, { state: 'Running', ...progressOf(context) });
}

/** What a step's Job tells while it runs. */
type StepProgress = Pick<StepStatus, 'attempts' | 'exitCode' | 'reason' | 'message'>;

/**
 * The record of a step whose Job runs. The next Pod counts from the moment it is due, where there is to be one, and the
 * start is the Job's creation: what the Job tells a moment later would cost one more status write. For the same reason a Pod's failure is
 * put down together with the Job's counting it, but for a container that was restarted in its Pod, which no Job counts, and one
 * whose Pod does not end: when that is killed, the Pod may be gone before its Job has failed (1.31 and newer).
 */
function progressOf(context: Context): StepProgress {
  const job = runningJob(context);
  if (job === undefined) return {};
  const { failed = 0 } = job.status;
  const failure = latestFailure(context.snapshot.pods ?? [], job.metadata.uid);
  const started = podsStarted(context, job.metadata.uid);
  const isCounted =
    failed > 0 || started > 1 || failure?.restarting === true || hasContainerStillRunning(context, job.metadata.uid);
  const recorded = runningStep(context.draft)?.attempts;
  const due = isFailing(job) && recorded !== undefined ? recorded : failed + 1;
  const attempts = Math.max(due, started, recorded ?? 0);
  return { attempts, ...((isCounted ? terminationFields(failure) : undefined) ?? recordedTermination(context)) };
}

/** Whether something else keeps the Pod running whose step's container has ended: that is told at once, and so is its end. */
const hasContainerStillRunning = ({ snapshot: { pods = [] } }: Context, jobUID: string): boolean =>
  pods.some((pod) => pod.jobUID === jobUID && pod.obstacle?.isAtEnd === true);

/** How the last Pod ended, as it was put down before that Pod was killed or vanished. */
function recordedTermination({ draft }: Context): StepProgress {
  const { exitCode, reason, message } = runningStep(draft) ?? {};
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

function terminationFields(termination: PodTermination | undefined): StepProgress | undefined {
  if (termination === undefined) return undefined;
  const { exitCode, reason, message } = termination;
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    reason,
    ...(message === '' ? {} : { message: truncate(message) }),
  };
}

/**
 * Pods of this Job that were seen: those that are there, and those that are gone. It may have had more, as the Job or the
 * record tells.
 */
function podsStarted({ snapshot: { pods = [], deletedPods } }: Context, jobUID: string | undefined): number {
  const gone = deletedPods?.jobUID === jobUID ? (deletedPods?.count ?? 0) : 0;
  return jobUID === undefined ? 0 : gone + ofJob(pods, jobUID).length;
}

/** Of a Job that is over. */
function timesOf(
  context: Context,
  { metadata, status }: ObservedJob,
): Required<Pick<StepStatus, 'attempts'>> & Pick<StepStatus, 'startTime'> {
  const { failed = 0, active = 0, succeeded = 0, startTime } = status;
  const { attempts: recorded = 0, reason } = runningStep(context.draft) ?? {};
  // The first attempt is recorded with the Job, and the next one with the failure of the one before: it may never have had a Pod.
  const isForeseen = recorded === failed + 1 && (failed === 0 || reason !== undefined);
  const certain = isForeseen ? failed : recorded;
  const attempts = Math.max(failed + active + succeeded, podsStarted(context, metadata.uid), certain);
  return { attempts, ...(startTime === undefined ? {} : { startTime }) };
}

/** The record of the step whose Job has completed. */
export function succeeded(context: Context): Draft {
  const job = runningJob(context);
  if (job === undefined) return context.draft;
  const outcome = outcomeOf(job);
  const completionTime = outcome.type === 'succeeded' ? (outcome.at ?? context.now) : context.now;
  const message = successOf(context.snapshot.pods ?? [], job.metadata.uid)?.message ?? '';
  return withLastStep(context.draft, {
    ...timesOf(context, job),
    state: 'Succeeded',
    completionTime,
    exitCode: 0,
    ...(message === '' ? {} : { message: truncate(message) }),
  });
}

/** How the running step failed, with all that is known about it. */
interface StepFailure {
  readonly failure: Failure;
  readonly draft: Draft;
}

/** Puts down that the running step's Job has failed, and tells of it. */
export function stepFailed(context: Context): StepFailure | undefined {
  const job = runningJob(context);
  const outcome = job === undefined ? undefined : outcomeOf(job);
  if (job === undefined || outcome?.type !== 'failed') return undefined;
  const seen = latestFailure(context.snapshot.pods ?? [], job.metadata.uid) ?? remembered(context);
  const times = timesOf(context, job);
  const base = { reason: outcome.reason, message: jobMessage(context, job, outcome) };
  const how = terminationFields(seen) ?? { reason: base.reason, message: truncate(base.message) };
  // A Pod that was ended because the time was up says of itself only that it was killed.
  const reason = base.reason === REASON.deadlineExceeded ? base.reason : how.reason;
  return recordFailure(
    context,
    { ...times, ...how, ...(reason === undefined ? {} : { reason }), completionTime: outcome.at ?? context.now },
    { reason: base.reason, message: explainFailure(base, countOf(context, job, seen), seen) },
  );
}

/** Puts down that the running step's time is up though its Job says nothing, and tells of it. */
export function stepDeadlineExceeded(context: Context): StepFailure | undefined {
  const seconds = runningJob(context)?.endedAfterSeconds ?? context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
  const job = runningJob(context);
  const exceeded = withObstacle(context, MESSAGE.deadlineExceeded(seconds));
  const isLeft = job !== undefined && !isOwned(job, context.snapshot);
  const message = isLeft ? MESSAGE.failedWhileBlocked(exceeded, MESSAGE.jobNotOwned(job.metadata.name)) : exceeded;
  const why = { reason: REASON.deadlineExceeded, message };
  const record = {
    ...progressOf(context),
    ...why,
    message: truncate(why.message),
    completionTime: context.now,
  };
  return recordFailure(context, record, why);
}

/** Puts down that the running step's Job is gone, and tells of it. */
export function stepDeleted(context: Context): StepFailure | undefined {
  const step = runningStep(context.draft);
  if (step === undefined) return undefined;
  const why = { reason: REASON.jobDeleted, message: MESSAGE.jobDeleted(step.jobName ?? '') };
  const attempts = Math.max(step.attempts ?? 0, podsStarted(context, step.jobUID));
  const record = { ...why, ...(attempts === 0 ? {} : { attempts }), completionTime: context.now };
  return recordFailure(context, { ...record, message: truncate(why.message) }, why);
}

/** Puts down how the step to start next ended, which a later one shows. */
export function stepInferred(context: Context): Draft | undefined {
  const { draft, now } = context;
  const name = nextContainer(context)?.name;
  if (name === undefined) return undefined;
  const index = currentIndex(draft);
  const message = truncate(MESSAGE.jobDeleted(nextJobName(context)));
  const how = mayContinueAfterFailure(name, context)
    ? ({ state: 'Failed', reason: REASON.jobDeleted, message } as const)
    : ({ state: 'Succeeded', exitCode: 0 } as const);
  return { ...draft, steps: [...draft.steps, { index, name, completionTime: now, ...how }], requeueAfterMs: 0 };
}

function recordFailure(
  { draft }: Context,
  record: Omit<StepStatus, 'index' | 'name' | 'state'>,
  why: Pick<Failure, 'reason' | 'message'>,
): StepFailure | undefined {
  const step = runningStep(draft);
  if (step === undefined) return undefined;
  const { index, name } = step;
  const message = EVENT_MESSAGE.jobFailed(index, name, why.reason, why.message);
  return {
    failure: { index, step: name, ...why },
    draft: emit(withLastStep(draft, { ...record, state: 'Failed' }), {
      type: 'Warning',
      reason: EVENT.jobFailed,
      message,
      step: { index, name },
    }),
  };
}

/** Which attempt it was that is told of; undefined where that is not sure. */
function countOf(context: Context, job: ObservedJob, seen: PodTermination | undefined): number | undefined {
  // A container that was restarted in its Pod ran more often than there were Pods.
  if (seen?.restarting === true || hasUnseenFailedPods(context.snapshot.pods ?? [], job)) return undefined;
  return timesOf(context, job).attempts;
}

/**
 * The Job that was ended because the sequence's time was up says so of itself: its own limit is not the one meant, and the
 * sequence's may have been raised meanwhile. Why it had not even started by then, no Job says.
 */
function jobMessage(context: Context, job: ObservedJob, outcome: Pick<Failure, 'reason' | 'message'>): string {
  if (outcome.reason !== REASON.deadlineExceeded) return outcome.message;
  const seconds = job.endedAfterSeconds ?? context.snapshot.object.spec.activeDeadlineSeconds ?? undefined;
  const message = endedByOperator(job) && seconds !== undefined ? MESSAGE.deadlineExceeded(seconds) : outcome.message;
  // A container that has ended had started; a Pod may be over without one.
  const ended = latestFailure(context.snapshot.pods ?? [], job.metadata.uid);
  const hasRun = ended?.exitCode !== undefined && ended.reason !== 'ContainerStatusUnknown';
  return hasRun ? message : withObstacle(context, message);
}

/** The last failed attempt as the record has it: its Pod may be gone. */
function remembered({ draft }: Context): PodTermination | undefined {
  const step = runningStep(draft);
  if (step?.reason === undefined) return undefined;
  const { name, exitCode, reason, message = '' } = step;
  return { container: name, ...(exitCode === undefined ? {} : { exitCode }), reason, message };
}
