/** The way into the machine: from what the status records to the state to go on from. */
import { getCondition, isTrue } from '../../shared/conditions.ts';
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../shared/api/job.ts';
import type { Container, SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import { stepJobName } from '../../shared/jobs/job.ts';
import { type Failure, stepLabel } from '../../shared/api/reasons.ts';
import type { Context, Draft, Finding, Snapshot, State } from './types.ts';

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
 * Whether this sequence controls the Job. One that it does not control is watched where the status has it on record, and never
 * changed or deleted: its owner reference was taken off on purpose, or somebody has written another's Job into the status.
 */
export function isOwned(job: ObservedJob, { object }: Pick<Snapshot, 'object'>): boolean {
  return sequentialJobOwner(job)?.uid === object.metadata.uid;
}

/** The Job of the running step, where it may be changed. */
export function ownedJob(context: Context): ObservedJob | undefined {
  const job = runningJob(context);
  return job !== undefined && isOwned(job, context.snapshot) ? job : undefined;
}

/**
 * Our Job of the step to start next, which was made and not recorded. It is told by the step's index and the number of
 * the resume, not by its name: that follows from the spec, which may have changed since.
 */
export function unrecordedJob(context: Context): ObservedJob | undefined {
  const { draft, snapshot } = context;
  const index = currentIndex(draft);
  const name = nextJobName(context);
  const recorded = new Set(draft.steps.map((step) => step.jobUID));
  const open = snapshot.jobs.filter(({ metadata }) => !recorded.has(metadata.uid));
  return (
    open.find(({ metadata }) => metadata.name === name) ??
    // Another resume's is the evidence of a failure that was resumed from.
    open.find(({ step }) => step.index === index && (step.resumes ?? 0) === draft.resumes)
  );
}

/**
 * Jobs of ours that run and should not be: a create whose answer was lost was carried out late, after the step was renamed
 * or the sequence had ended. Not the one that is made and to be recorded next, nor what a deadline has ended.
 */
export function strayJobs(context: Context): readonly ObservedJob[] {
  const { draft, snapshot } = context;
  const recorded = new Set([...draft.steps, ...(snapshot.object.status?.steps ?? [])].map(({ jobUID }) => jobUID));
  const isOver = draft.state === 'Completed' || draft.state === 'Failed';
  const last = isOver ? Infinity : (runningStep(draft)?.index ?? currentIndex(draft) - 1);
  return snapshot.jobs.filter((job) => {
    const { metadata, step, deadlineSeconds } = job;
    const { index, resumes = 0 } = step;
    if (index === undefined || recorded.has(metadata.uid) || deadlineSeconds === 0) return false;
    // One of a later resume is that of a status which the cache has not heard of yet.
    const isDue = resumes > draft.resumes || (resumes === draft.resumes && index > last);
    return !isDue && outcomeOf(job).type === 'running';
  });
}

/** Our Job of a step behind the running one, not on record: the first of them was made when that step was over. */
export function nextStepJob(context: Context): ObservedJob | undefined {
  const running = runningStep(context.draft);
  return running === undefined ? undefined : laterJob(running.index, context);
}

/** Whether the sequence goes on where the step of this name fails. */
export function mayContinueAfterFailure(name: string | undefined, { snapshot }: Context): boolean {
  return snapshot.object.spec.stepPolicies?.find((one) => one.name === name)?.onFailure === 'Continue';
}

/**
 * Whether a later step than the one to start next has a Job of ours: it was made when that one was over, and neither is on
 * record, because the API server took no status.
 */
export const laterStepHasJob = (context: Context): boolean =>
  laterJob(currentIndex(context.draft), context) !== undefined;

/** Our Job of a step after this one and of the same resume, which is not on record. */
function laterJob(after: number, { draft, snapshot }: Context): ObservedJob | undefined {
  const recorded = new Set(draft.steps.map(({ jobUID }) => jobUID));
  return snapshot.jobs.find(({ metadata, step: { index = -1, resumes = 0 } }) => {
    const isLater = index > after && index < snapshot.object.spec.containers.length;
    return isLater && resumes === draft.resumes && !recorded.has(metadata.uid);
  });
}

/** `1 (transform)`: the step that runs, or that is next; undefined when none is left. */
export function currentStepLabel(context: Context): string | undefined {
  const name = runningStep(context.draft)?.name ?? nextContainer(context)?.name;
  return name === undefined ? undefined : stepLabel(currentIndex(context.draft), name);
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

/** What a request has shown about the Job of the step to start next. */
export function nextFinding(context: Context): Finding | undefined {
  return context.snapshot.findings[nextJobName(context)];
}

/** What was found out about the running step's Job. */
export function runningFinding({ draft, snapshot }: Context): Finding | undefined {
  const name = runningStep(draft)?.jobName;
  return name === undefined ? undefined : snapshot.findings[name];
}
