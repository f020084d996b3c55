/**
 * What is known of the current step: the one that runs or, where none does, the one to start next. The guards, the effects
 * and the status read it here; each fact is computed once for each row that the walk takes.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../shared/api/job.ts';
import { stepLabel } from '../../shared/api/reasons.ts';
import type { Container, StepStatus } from '../../shared/api/types.ts';
import { stepJobName } from '../../shared/jobs/job.ts';
import type { Context, Draft, Finding, Snapshot } from './types.ts';

/**
 * The function, called at most once for each context: a context does not change, so neither does the result. The walk has
 * one context for all guards and the effect of a row; the status has one for all conditions.
 */
export function oncePerContext<T>(compute: (context: Context) => T): (context: Context) => T {
  const computed = new WeakMap<Context, { readonly value: T }>();
  return (context) => {
    const known = computed.get(context) ?? { value: compute(context) };
    computed.set(context, known);
    return known.value;
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
export const nextJobName = oncePerContext(({ draft, snapshot }: Context): string => {
  return stepJobName(snapshot.object, currentIndex(draft), draft.resumes);
});

/** The record of the step that runs. */
export function runningStep(draft: Draft): StepStatus | undefined {
  const last = draft.steps.at(-1);
  return last?.state === 'Running' ? last : undefined;
}

/** The Job of the running step: by UID, which the record has; a namesake is somebody else. */
export const runningJob = oncePerContext(({ draft, snapshot }: Context): ObservedJob | undefined => {
  const step = runningStep(draft);
  return step === undefined ? undefined : snapshot.jobs.find((job) => job.metadata.uid === step.jobUID);
});

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
export const unrecordedJob = oncePerContext((context: Context): ObservedJob | undefined => {
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
});

/**
 * Jobs of ours that run and should not be: a create whose answer was lost was carried out late, after the step was renamed
 * or the sequence had ended. Not the one that is made and to be recorded next, nor what a deadline has ended.
 */
export const strayJobs = oncePerContext((context: Context): readonly ObservedJob[] => {
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
});

/** Our Job of a step behind the running one, not on record: the first of them was made when that step was over. */
export const nextStepJob = oncePerContext((context: Context): ObservedJob | undefined => {
  const running = runningStep(context.draft);
  return running === undefined ? undefined : laterJob(running.index, context);
});

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

/** What a request has shown about the Job of the step to start next. */
export function nextFinding(context: Context): Finding | undefined {
  return context.snapshot.findings[nextJobName(context)];
}

/** What was found out about the running step's Job. */
export function runningFinding({ draft, snapshot }: Context): Finding | undefined {
  const name = runningStep(draft)?.jobName;
  return name === undefined ? undefined : snapshot.findings[name];
}
