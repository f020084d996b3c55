/** Records the progress and the end of a step, and emits the events. */
import { endedBeforeStart, endedByOperator, type ObservedJob, outcomeOf, isFailing } from '../../shared/api/job.ts';
import type { PodTermination } from '../../shared/api/pod.ts';
import { EVENT, EVENT_MESSAGE, type EventDraft, type Failure, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { positionLabel } from '../../shared/jobs/position.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import { formatJobError } from '../../shared/jobs/job-errors.ts';
import { isClaimError } from '../../shared/jobs/volume-claims.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { truncate } from '../../shared/truncate.ts';
import { currentSteps, withCurrentSteps, withLastStep } from './draft.ts';
import {
  currentIndex,
  currentStepLabel,
  eventStep,
  isOwned,
  mayContinueAfterFailure,
  nextStep,
  nextJobName,
  runningJob,
  runningStep,
} from './step-view.ts';
import { explainFailure, hasUnseenFailedPods, latestFailure, successOf } from './pod-diagnosis.ts';
import { ofJob } from './pods.ts';
import { truncateMessage } from './status-size.ts';
import type { Context, Draft } from './types.ts';
import { withObstacle } from './resources-unavailable.ts';

/** Appends the events to the draft. */
export const emit = (draft: Draft, ...events: readonly EventDraft[]): Draft => ({
  ...draft,
  events: [...draft.events, ...events],
});

/** Records the failure of the sequence, whose steps have ended with it. */
export const fail = ({ draft }: Pick<Context, 'draft'>, reported: Failure): Draft => ({
  ...draft,
  failure: { ...reported, message: truncateMessage(reported.message) },
});

/** Fails the sequence at the next step, which has no Job. */
export function failNext(context: Context, reason: string, message: string): Draft {
  const index = currentIndex(context.draft);
  return fail(context, { index, step: nextStep(context)?.name, reason, message });
}

/**
 * Fails the sequence because the API server rejects Jobs of remaining steps, or claims. The failed step is the first one with an
 * error or, once the sequence has started, the next step: the fields that may still be changed depend on it.
 */
export function failPreflight(context: Context): Draft {
  const { draft, snapshot } = context;
  const errors = snapshot.preflight?.type === 'refused' ? snapshot.preflight.errors : [];
  const { steps } = snapshot.object.spec;
  const hasStarted = draft.startTime !== undefined;
  const first = hasStarted ? undefined : errors.find((error) => error.index !== undefined)?.index;
  const index = first ?? currentIndex(draft);
  const lines = errors.map((error) => ({
    step: error.index === undefined ? undefined : positionLabel(snapshot.object.spec, error.index),
    text: formatJobError(error),
  }));
  const claims = errors.filter(isClaimError).length;
  const what = claims === 0 ? 'Jobs' : claims === errors.length ? 'claims' : 'Jobs and claims';
  const message = MESSAGE.preflightRefused(lines, { what, hasStarted });
  const reason = what === 'claims' ? REASON.claimRejected : REASON.jobRejected;
  const step = steps[index]?.name;
  // A step of finally is none of those that progress counts.
  return fail(context, { ...(step === undefined ? {} : { index, step }), reason, message });
}

/**
 * Records the progress of the running step from its Job and Pods; returns the draft unchanged if the Job is not cached
 * or has ended.
 */
export function withProgress(context: Context): Draft {
  const job = runningJob(context);
  if (job === undefined || outcomeOf(job).type !== 'running') return context.draft;
  return withLastStep(context.draft, { state: 'Running', ...progressOf(context) });
}

/** The fields that change while the step's Job runs. */
type StepProgress = Pick<StepStatus, 'attempts' | 'exitCode' | 'reason' | 'message'>;

/**
 * The record of a step whose Job runs, designed to need few status writes. The next attempt counts as soon as it is
 * due, before its Pod exists, and the step starts with the creation of the Job. The failure of a Pod is recorded when
 * the Job counts it. Two failures are recorded at once: that of a container which restarts within its Pod, because no
 * Job counts it, and that of a Pod which does not end, because a killed Pod may be deleted before its Job has failed
 * (1.31 and newer).
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
  const expected = isFailing(job) && recorded !== undefined ? recorded : failed + 1;
  const attempts = Math.max(expected, started, recorded ?? 0);
  return { attempts, ...((isCounted ? terminationFields(failure) : undefined) ?? recordedTermination(context)) };
}

/**
 * Whether another container keeps the Pod running after the step's container has ended: this and the exit code are
 * recorded at once.
 */
const hasContainerStillRunning = ({ snapshot: { pods = [] } }: Context, jobUID: string): boolean =>
  pods.some((pod) => pod.jobUID === jobUID && pod.obstacle?.isAtEnd === true);

/** The recorded termination of the last Pod, which may be deleted by now. */
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
 * Pods of this Job that the operator has seen, existing or deleted. The Job may have had more; its counts and the
 * record show them.
 */
function podsStarted({ snapshot: { pods = [], deletedPods } }: Context, jobUID: string | undefined): number {
  const deleted = deletedPods?.jobUID === jobUID ? (deletedPods?.count ?? 0) : 0;
  return jobUID === undefined ? 0 : deleted + ofJob(pods, jobUID).length;
}

/** For a finished Job. */
function attemptsAndStartTime(
  context: Context,
  { metadata, status }: ObservedJob,
): Required<Pick<StepStatus, 'attempts'>> & Pick<StepStatus, 'startTime'> {
  const { failed = 0, active = 0, succeeded = 0, startTime } = status;
  const { attempts: recorded = 0, reason } = runningStep(context.draft) ?? {};
  // An attempt is recorded before its Pod exists: the first with the Job, each further one with the failure of the
  // previous one.
  const isNextAttemptRecorded = recorded === failed + 1 && (failed === 0 || reason !== undefined);
  const confirmed = isNextAttemptRecorded ? failed : recorded;
  const attempts = Math.max(failed + active + succeeded, podsStarted(context, metadata.uid), confirmed);
  return { attempts, ...(startTime === undefined ? {} : { startTime }) };
}

/** The record of the step whose Job has completed. */
function succeeded(context: Context): Draft {
  const job = runningJob(context);
  if (job === undefined) return context.draft;
  const outcome = outcomeOf(job);
  const completionTime = outcome.type === 'succeeded' ? (outcome.at ?? context.now) : context.now;
  const message = successOf(context.snapshot.pods ?? [], job.metadata.uid)?.message ?? '';
  return withLastStep(context.draft, {
    ...attemptsAndStartTime(context, job),
    state: 'Succeeded',
    completionTime,
    exitCode: 0,
    ...(message === '' ? {} : { message: truncate(message) }),
  });
}

/** Records that the running step has succeeded, and emits JobCompleted. */
export function stepSucceeded(context: Context): Draft {
  const draft = succeeded(context);
  const { startTime, completionTime } = currentSteps(draft).at(-1) ?? {};
  const seconds = secondsBetween(startTime, completionTime);
  const message = EVENT_MESSAGE.jobCompleted(currentStepLabel(context) ?? '', seconds);
  return emit(draft, { type: 'Normal', reason: EVENT.jobCompleted, message, step: eventStep(context) });
}

/** The failure of the running step, and the draft that records it. */
interface StepFailure {
  readonly failure: Failure;
  readonly draft: Draft;
}

/** Records that the running step's Job has failed, and emits JobFailed. */
export function stepFailed(context: Context): StepFailure | undefined {
  const job = runningJob(context);
  const outcome = job === undefined ? undefined : outcomeOf(job);
  if (job === undefined || outcome?.type !== 'failed') return undefined;
  const seen = latestFailure(context.snapshot.pods ?? [], job.metadata.uid) ?? lastRecordedFailure(context);
  const times = attemptsAndStartTime(context, job);
  const pending = endedBeforeStart(job);
  if (pending !== undefined) {
    return recordFailure(context, { ...times, ...pending, completionTime: outcome.at ?? context.now }, pending);
  }
  const base = { reason: outcome.reason, message: jobMessage(context, job, outcome) };
  const stepFields = terminationFields(seen) ?? { reason: base.reason, message: truncate(base.message) };
  // A Pod that the deadline ended reports only that it was killed.
  const reason = base.reason === REASON.deadlineExceeded ? base.reason : stepFields.reason;
  return recordFailure(
    context,
    { ...times, ...stepFields, ...(reason === undefined ? {} : { reason }), completionTime: outcome.at ?? context.now },
    { reason: base.reason, message: explainFailure(base, failedAttempt(context, job, seen), seen) },
  );
}

/** Records that the running step exceeded the deadline although its Job has not failed, and emits JobFailed. */
export function stepDeadlineExceeded(context: Context): StepFailure | undefined {
  const seconds = runningJob(context)?.endedAfterSeconds ?? context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
  const job = runningJob(context);
  const exceeded = withObstacle(context, MESSAGE.deadlineExceeded(seconds));
  const isNotOwned = job !== undefined && !isOwned(job, context.snapshot);
  const message = isNotOwned ? MESSAGE.withCause(exceeded, MESSAGE.jobNotOwned(job.metadata.name)) : exceeded;
  const failure = { reason: REASON.deadlineExceeded, message };
  const record = {
    ...progressOf(context),
    ...failure,
    message: truncate(failure.message),
    completionTime: context.now,
  };
  return recordFailure(context, record, failure);
}

/** Records that the running step's Job was deleted, and emits JobFailed. */
export function stepDeleted(context: Context): StepFailure | undefined {
  const step = runningStep(context.draft);
  if (step === undefined) return undefined;
  const failure = { reason: REASON.jobDeleted, message: MESSAGE.jobDeleted(step.jobName ?? '') };
  const attempts = Math.max(step.attempts ?? 0, podsStarted(context, step.jobUID));
  const record = { ...failure, ...(attempts === 0 ? {} : { attempts }), completionTime: context.now };
  return recordFailure(context, { ...record, message: truncate(failure.message) }, failure);
}

/** Records the end of the next step, which the Job of a later step implies. */
export function stepInferred(context: Context): Draft | undefined {
  const { draft, now } = context;
  const name = nextStep(context)?.name;
  if (name === undefined) return undefined;
  const index = currentIndex(draft);
  const message = truncate(MESSAGE.jobDeleted(nextJobName(context)));
  const result = mayContinueAfterFailure(name, context)
    ? ({ state: 'Failed', reason: REASON.jobDeleted, message } as const)
    : ({ state: 'Succeeded', exitCode: 0 } as const);
  const steps = [...currentSteps(draft), { index, name, completionTime: now, ...result }];
  return { ...withCurrentSteps(draft, steps), requeueAfterMs: 0 };
}

/** Records the failure of the running step, and emits JobFailed. */
export function recordFailure(
  context: Context,
  record: Omit<StepStatus, 'index' | 'name' | 'state'>,
  reported: Pick<Failure, 'reason' | 'message'>,
): StepFailure | undefined {
  const { draft } = context;
  const step = runningStep(draft);
  if (step === undefined) return undefined;
  const { index, name } = step;
  const message = EVENT_MESSAGE.jobFailed(currentStepLabel(context) ?? '', reported.reason, reported.message);
  return {
    failure: { index, step: name, ...reported },
    draft: emit(withLastStep(draft, { ...record, state: 'Failed' }), {
      type: 'Warning',
      reason: EVENT.jobFailed,
      message,
      step: eventStep(context),
    }),
  };
}

/** The number of the failed attempt; undefined if it is uncertain. */
function failedAttempt(context: Context, job: ObservedJob, seen: PodTermination | undefined): number | undefined {
  // A container that restarted within its Pod ran more often than there were Pods.
  if (seen?.restarting === true || hasUnseenFailedPods(context.snapshot.pods ?? [], job)) return undefined;
  return attemptsAndStartTime(context, job).attempts;
}

/**
 * The message of the Job's failure. For a Job that the operator ended at the sequence's deadline, it names that
 * deadline instead of the Job's own limit of 0 s; the deadline at that time counts, because it may have been raised
 * since. If the step never started, the recorded obstacle is appended.
 */
function jobMessage(context: Context, job: ObservedJob, outcome: Pick<Failure, 'reason' | 'message'>): string {
  if (outcome.reason !== REASON.deadlineExceeded) return outcome.message;
  const seconds = job.endedAfterSeconds ?? context.snapshot.object.spec.activeDeadlineSeconds ?? undefined;
  const message = endedByOperator(job) && seconds !== undefined ? MESSAGE.deadlineExceeded(seconds) : outcome.message;
  // A container with an exit code has run; a Pod may end without one.
  const ended = latestFailure(context.snapshot.pods ?? [], job.metadata.uid);
  const hasRun = ended?.exitCode !== undefined && ended.reason !== 'ContainerStatusUnknown';
  return hasRun ? message : withObstacle(context, message);
}

/** The last failed attempt as recorded; its Pod may be deleted. */
function lastRecordedFailure({ draft }: Context): PodTermination | undefined {
  const step = runningStep(draft);
  if (step?.reason === undefined) return undefined;
  const { name, exitCode, reason, message = '' } = step;
  return { container: name, ...(exitCode === undefined ? {} : { exitCode }), reason, message };
}
