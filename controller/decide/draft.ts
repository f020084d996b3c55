/** The way into the machine: from what the status records to the state to go on from. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import type { Failure } from '../../shared/api/reasons.ts';
import type { Draft, Snapshot, State } from './types.ts';

/** The draft that a reconcile starts from: exactly what was recorded, nothing observed yet. */
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
    // What was asked for before the first reconcile is no resume: an object may be created with a number from a life before.
    resumes: status?.resumes ?? (status?.startTime === undefined ? resumesOfJobs(jobs, spec.resume ?? 0) : 0),
    actions: [],
    events: [],
    requeueAfterMs: undefined,
  };
}

/** The number that Jobs were made with, where some were and nothing is on record; else the one to make them with. */
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

/** The condition stands in for a progress that somebody emptied: a failed sequence stays failed. */
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

/** What a step is and whose Job it has; all else of its record is how it goes. */
type StepOutcome = Omit<StepStatus, 'index' | 'name' | 'jobName' | 'jobUID'>;

/** The draft with the record of how its last step goes replaced; the start stays, where the new one has none. */
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
