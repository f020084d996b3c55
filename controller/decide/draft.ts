/** The draft that the state machine starts with, derived from the recorded status. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob, SequentialJobSpec, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import { type Failure, REASON } from '../../shared/api/reasons.ts';
import type { Draft, Snapshot, State } from './types.ts';

/** The draft at the start of a reconcile: the recorded status, without observations. */
export function recordedDraft({ object, jobs }: Snapshot): Draft {
  const { spec, status } = object;
  const suspended = getCondition(status?.conditions, 'Suspended');
  return {
    state: recordedState(object),
    steps: (status?.steps ?? []).filter(({ state }) => state !== 'Skipped'),
    finally: status?.finally,
    startTime: status?.startTime,
    activeStartTime: status?.activeStartTime,
    suspendedSince: suspended?.status === 'True' ? suspended.lastTransitionTime : undefined,
    completionTime: status?.completionTime,
    failure: recordedFailure(object),
    // A re-created manifest may carry an old `resume`: its value at the first reconcile is not a request to resume.
    resumes: status?.resumes ?? (status?.startTime === undefined ? resumesOfJobs(jobs, spec.resume ?? 0) : 0),
    actions: [],
    events: [],
    requeueAfterMs: undefined,
  };
}

/** The resume number of existing Jobs if the status was never written; else the requested one. */
function resumesOfJobs(jobs: readonly ObservedJob[], asked: number): number {
  const made = jobs.find(({ step }) => step.index !== undefined);
  return made === undefined ? asked : (made.step.resumes ?? 0);
}

function recordedState({ metadata, status }: SequentialJob): State {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (isTrue(status?.conditions, 'Failed')) return 'Failed';
  if (isTrue(status?.conditions, 'Complete')) return 'Completed';
  if (isTrue(status?.conditions, 'Suspended')) return 'Suspended';
  if (status?.startTime === undefined) return 'New';
  // Another client has removed the records of `finally`: nothing runs after a failure but `finally`.
  if (status.finally === undefined && status.progress?.failureReason !== undefined) return 'Ended';
  const [pending, running] =
    status.finally === undefined
      ? (['StepPending', 'StepRunning'] as const)
      : (['FinallyPending', 'FinallyRunning'] as const);
  return (status.finally ?? status.steps)?.at(-1)?.state === 'Running' ? running : pending;
}

/**
 * Falls back to the Failed condition, or while `finally` runs to the steps, if another client cleared `status.progress`: a
 * failed sequence stays failed.
 */
function recordedFailure({ spec, status }: SequentialJob): Failure | undefined {
  const condition = getCondition(status?.conditions, 'Failed');
  const { failureReason, failureMessage, failedIndex, currentStep } = status?.progress ?? {};
  if (failureReason === undefined) {
    if (condition?.status === 'True') return { reason: condition.reason, message: condition.message };
    return status?.finally === undefined ? undefined : failureOfSteps(spec, status);
  }
  return {
    reason: failureReason,
    message: failureMessage ?? '',
    ...(failedIndex === undefined ? {} : { index: failedIndex, step: currentStep }),
  };
}

/** Why the steps of a sequence with this status did not complete, as far as their records show; undefined if they did. */
function failureOfSteps({ steps: all }: SequentialJobSpec, { steps = [] }: SequentialJobStatus): Failure | undefined {
  const started = steps.filter(({ state }) => state !== 'Skipped');
  const last = started.at(-1);
  const { reason = REASON.notCompleted, message = '' } = last ?? {};
  if (last?.state === 'Failed' && all[last.index]?.onFailure !== 'Continue') {
    return { index: last.index, step: last.name, reason, message };
  }
  const next = all[started.length];
  return next === undefined
    ? undefined
    : { index: started.length, step: next.name, reason: REASON.notCompleted, message };
}

/** The records of all steps, those of `finally` last. */
export const recordedSteps = (
  records: Partial<Pick<Draft, 'steps' | 'finally'>> | undefined,
): readonly StepStatus[] => [...(records?.steps ?? []), ...(records?.finally ?? [])];

/** The records of the steps that run now: those of `finally`, once the others have ended. */
export const currentSteps = (draft: Draft): readonly StepStatus[] => draft.finally ?? draft.steps;

/** The draft with other records of the steps that run now. */
export const withCurrentSteps = (draft: Draft, steps: readonly StepStatus[]): Draft =>
  draft.finally === undefined ? { ...draft, steps } : { ...draft, finally: steps };

/** The fields of a step's record that change as its Job progresses. */
type StepOutcome = Omit<StepStatus, 'index' | 'name' | 'jobName' | 'jobUID'>;

/** Replaces the outcome of the last of the current steps; keeps its startTime if `outcome` has none. */
export function withLastStep(draft: Draft, outcome: StepOutcome): Draft {
  const steps = currentSteps(draft);
  const last = steps.at(-1);
  if (last === undefined) return draft;
  const { index, name, jobName, jobUID, startTime } = last;
  const step: StepStatus = {
    index,
    name,
    ...(jobName === undefined ? {} : { jobName }),
    ...(jobUID === undefined ? {} : { jobUID }),
    ...(startTime === undefined ? {} : { startTime }),
    ...outcome,
  };
  return withCurrentSteps(draft, [...steps.slice(0, -1), step]);
}
