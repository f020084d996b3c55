/** The way into the machine: from what the status records to the state to go on from. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { Container, SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import { stepJobName } from '../../shared/jobs/job.ts';
import type { Failure } from '../../shared/api/reasons.ts';
import type { Context, Draft, State } from './types.ts';

/** The draft that a reconcile starts from: exactly what was recorded, nothing observed yet. */
export function recordedDraft(object: SequentialJob): Draft {
  const { status } = object;
  return {
    state: recordedState(object),
    steps: status?.steps ?? [],
    startTime: status?.startTime,
    completionTime: status?.completionTime,
    failure: recordedFailure(status),
    resumes: status?.resumes ?? 0,
    actions: [],
    events: [],
    requeueAfterMs: undefined,
  };
}

function recordedState({ metadata, status }: SequentialJob): State {
  if (metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (isTrue(status?.conditions, 'Failed')) return 'Failed';
  if (isTrue(status?.conditions, 'Complete')) return 'Completed';
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

/** The index of the step that runs or, where none does, of the one to start next. */
export function currentIndex(draft: Draft): number {
  const last = draft.steps.at(-1);
  if (last === undefined) return 0;
  return last.state === 'Running' ? last.index : last.index + 1;
}

/** The container of the step to start next; undefined when there is none left. */
export function nextContainer({ draft, snapshot }: Context): Container | undefined {
  return snapshot.object.spec.containers[currentIndex(draft)];
}

/** The name of the Job of the step to start next. */
export function nextJobName({ draft, snapshot }: Context): string {
  return stepJobName(snapshot.object, currentIndex(draft), draft.resumes);
}

/** The record of the step that runs. */
export function runningStep(draft: Draft): StepStatus | undefined {
  const last = draft.steps.at(-1);
  return last?.state === 'Running' ? last : undefined;
}

/** The Job of the running step: by UID, which the record has; a namesake is somebody else. */
export function runningJob({ draft, snapshot }: Context): ObservedJob | undefined {
  const step = runningStep(draft);
  return step === undefined ? undefined : snapshot.jobs.find((job) => job.metadata.uid === step.jobUID);
}

/**
 * Our Job of the step to start next, which was made and not recorded. It is told by the step's index, not by its name:
 * that follows from the spec, which may have changed since.
 */
export function madeJob(context: Context): ObservedJob | undefined {
  const { draft, snapshot } = context;
  const index = currentIndex(draft);
  const name = nextJobName(context);
  const recorded = new Set(draft.steps.map((step) => step.jobUID));
  return snapshot.jobs.find(
    ({ step, metadata }) =>
      !recorded.has(metadata.uid) && (step.index === index || (step.index === undefined && metadata.name === name)),
  );
}

/** The draft with its last step replaced. */
export function withLastStep(draft: Draft, change: Partial<StepStatus>): Draft {
  const last = draft.steps.at(-1);
  return last === undefined ? draft : { ...draft, steps: [...draft.steps.slice(0, -1), { ...last, ...change }] };
}
