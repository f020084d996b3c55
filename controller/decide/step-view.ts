/**
 * Facts about the current step: the running step or, if none runs, the next one. Guards, effects and status read them
 * here; each fact is computed once for each row of the walk.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../shared/api/job.ts';
import { stepLabel } from '../../shared/api/reasons.ts';
import type { Step, StepStatus } from '../../shared/api/types.ts';
import { stepJobName } from '../../shared/jobs/job.ts';
import type { Context, Draft, Finding, Snapshot } from './types.ts';

/**
 * Calls `compute` at most once for each context: a context is immutable, so the result cannot change. One context
 * serves all guards and the effect of a row, and one serves all conditions of the status.
 */
export function oncePerContext<T>(compute: (context: Context) => T): (context: Context) => T {
  const computed = new WeakMap<Context, { readonly value: T }>();
  return (context) => {
    const known = computed.get(context) ?? { value: compute(context) };
    computed.set(context, known);
    return known.value;
  };
}

/** The index of the running step or, if none runs, of the next one. */
export function currentIndex(draft: Draft): number {
  const last = draft.steps.at(-1);
  if (last === undefined) return 0;
  return last.state === 'Running' ? last.index : last.index + 1;
}

/** The container of the next step; undefined after the last step. */
export function nextContainer({ draft, snapshot }: Context): Step | undefined {
  return snapshot.object.spec.steps[currentIndex(draft)];
}

/** The Job name of the next step. */
export const nextJobName = oncePerContext(({ draft, snapshot }: Context): string => {
  return stepJobName(snapshot.object, currentIndex(draft), draft.resumes);
});

/** The record of the running step. */
export function runningStep(draft: Draft): StepStatus | undefined {
  const last = draft.steps.at(-1);
  return last?.state === 'Running' ? last : undefined;
}

/** The Job of the running step, matched by the recorded UID: another Job of the same name does not count. */
export const runningJob = oncePerContext(({ draft, snapshot }: Context): ObservedJob | undefined => {
  const step = runningStep(draft);
  return step === undefined ? undefined : snapshot.jobs.find((job) => job.metadata.uid === step.jobUID);
});

/**
 * Whether this sequence is the Job's controller. A recorded Job of another controller is only observed, never changed
 * or deleted: its owner reference was removed on purpose, or someone wrote a foreign Job into the status.
 */
export function isOwned(job: ObservedJob, { object }: Pick<Snapshot, 'object'>): boolean {
  return sequentialJobOwner(job)?.uid === object.metadata.uid;
}

/** The Job of the running step if the operator may change it. */
export function ownedJob(context: Context): ObservedJob | undefined {
  const job = runningJob(context);
  return job !== undefined && isOwned(job, context.snapshot) ? job : undefined;
}

/**
 * The existing Job of the next step, which the status does not record yet. It is matched by step index and resume
 * number, because the name depends on the spec, which may have changed.
 */
export const unrecordedJob = oncePerContext((context: Context): ObservedJob | undefined => {
  const { draft, snapshot } = context;
  const index = currentIndex(draft);
  const name = nextJobName(context);
  const recorded = new Set(draft.steps.map((step) => step.jobUID));
  const unrecorded = snapshot.jobs.filter(({ metadata }) => !recorded.has(metadata.uid));
  return (
    unrecorded.find(({ metadata }) => metadata.name === name) ??
    // A Job of an earlier resume is kept as evidence of its failure.
    unrecorded.find(({ step }) => step.index === index && (step.resumes ?? 0) === draft.resumes)
  );
});

/**
 * Running Jobs of the sequence that no step needs: a create request without an answer took effect late, after the step
 * was renamed or the sequence had ended. Excludes the Job to record next, and Jobs that a deadline has ended.
 */
export const strayJobs = oncePerContext((context: Context): readonly ObservedJob[] => {
  const { draft, snapshot } = context;
  const recorded = new Set([...draft.steps, ...(snapshot.object.status?.steps ?? [])].map(({ jobUID }) => jobUID));
  const isFinished = draft.state === 'Completed' || draft.state === 'Failed';
  const last = isFinished ? Infinity : (runningStep(draft)?.index ?? currentIndex(draft) - 1);
  return snapshot.jobs.filter((job) => {
    const { metadata, step, deadlineSeconds } = job;
    const { index, resumes = 0 } = step;
    if (index === undefined || recorded.has(metadata.uid) || deadlineSeconds === 0) return false;
    // A Job of a later resume belongs to a status that the cache has not received yet.
    const isExpected = resumes > draft.resumes || (resumes === draft.resumes && index > last);
    return !isExpected && outcomeOf(job).type === 'running';
  });
});

/** The unrecorded Job of a step after the running one: it was created after the running step had ended. */
export const nextStepJob = oncePerContext((context: Context): ObservedJob | undefined => {
  const running = runningStep(context.draft);
  return running === undefined ? undefined : laterJob(running.index, context);
});

/** Whether the step of this name has `onFailure: Continue`. */
export function mayContinueAfterFailure(name: string | undefined, { snapshot }: Context): boolean {
  return snapshot.object.spec.steps.find((step) => step.name === name)?.onFailure === 'Continue';
}

/**
 * Whether a step after the next one has a Job: it was created after the next step had ended, and the API server
 * accepted no status since.
 */
export const laterStepHasJob = (context: Context): boolean =>
  laterJob(currentIndex(context.draft), context) !== undefined;

/** The unrecorded Job, of the current resume, of a step after this index. */
function laterJob(after: number, { draft, snapshot }: Context): ObservedJob | undefined {
  const recorded = new Set(draft.steps.map(({ jobUID }) => jobUID));
  return snapshot.jobs.find(({ metadata, step: { index = -1, resumes = 0 } }) => {
    const isLater = index > after && index < snapshot.object.spec.steps.length;
    return isLater && resumes === draft.resumes && !recorded.has(metadata.uid);
  });
}

/** `1 (transform)`: the running or next step; undefined after the last step. */
export function currentStepLabel(context: Context): string | undefined {
  const name = runningStep(context.draft)?.name ?? nextContainer(context)?.name;
  return name === undefined ? undefined : stepLabel(currentIndex(context.draft), name);
}

/** The finding about the next step's Job. */
export function nextFinding(context: Context): Finding | undefined {
  return context.snapshot.findings[nextJobName(context)];
}

/** The finding about the running step's Job. */
export function runningFinding({ draft, snapshot }: Context): Finding | undefined {
  const name = runningStep(draft)?.jobName;
  return name === undefined ? undefined : snapshot.findings[name];
}
