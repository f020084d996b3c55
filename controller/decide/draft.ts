/** The draft that the state machine starts with, derived from the recorded status. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import type { Failure } from '../../shared/api/reasons.ts';
import type { Draft, Snapshot, State } from './types.ts';

/** The draft at the start of a reconcile: the recorded status, without observations. */
export function recordedDraft({ object, jobs }: Snapshot): Draft {
  const { spec, status } = object;
  const suspended = getCondition(status?.conditions, 'Suspended');
  return {
    state: recordedState(object),
    steps: (status?.steps ?? []).filter(({ state }) => state !== 'Skipped'),
    startTime: status?.startTime,
    activeStartTime: status?.activeStartTime,
    suspendedSince: suspended?.status === 'True' ? suspended.lastTransitionTime : undefined,
    completionTime: status?.completionTime,
    failure: recordedFailure(status),
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
  return status.steps?.at(-1)?.state === 'Running' ? 'StepRunning' : 'StepPending';
}

/** Falls back to the Failed condition if another client cleared `status.progress`: a failed sequence stays failed. */
function recordedFailure(status: SequentialJobStatus | undefined): Failure | undefined {
  const condition = getCondition(status?.conditions, 'Failed');
  const { failureReason, failureMessage, failedIndex, currentStep } = status?.progress ?? {};
  if (failureReason === undefined) {
    return condition?.status === 'True' ? { reason: condition.reason, message: condition.message } : undefined;
  }
  return {
    reason: failureReason,
    message: failureMessage ?? '',
    ...(failedIndex === undefined ? {} : { index: failedIndex, step: currentStep }),
  };
}

/** The fields of a step's record that change as its Job progresses. */
type StepOutcome = Omit<StepStatus, 'index' | 'name' | 'jobName' | 'jobUID'>;

/** Replaces the outcome of the draft's last step; keeps its startTime if `outcome` has none. */
export function withLastStep(draft: Draft, outcome: StepOutcome): Draft {
  const last = draft.steps.at(-1);
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
  return { ...draft, steps: [...draft.steps.slice(0, -1), step] };
}
