/**
 * Facts about the current step: the running step or, if none runs, the next one. Once the steps have ended, it is one of
 * `finally`. Guards, effects and status read them
 * here; each fact is computed once for each row of the walk.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../shared/api/job.ts';
import { type EventDraft, stepLabel } from '../../shared/api/reasons.ts';
import type { Step, StepStatus } from '../../shared/api/types.ts';
import { stepJobName } from '../../shared/jobs/job.ts';
import { positionOf, type StepPosition } from '../../shared/jobs/position.ts';
import { currentSteps, recordedSteps } from './draft.ts';
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

/** Whether the steps have ended, and those of `finally` are the current ones. */
export const isFinishing = ({ finally: records }: Draft): boolean => records !== undefined;

/** The index, in its list, of the running step or, if none runs, of the next one. */
export function currentIndex(draft: Draft): number {
  const last = currentSteps(draft).at(-1);
  if (last === undefined) return 0;
  return last.state === 'Running' ? last.index : last.index + 1;
}

/** The position of the current step. */
export const currentPosition = ({ draft, snapshot }: Context): StepPosition =>
  positionOf(snapshot.object.spec, { list: isFinishing(draft) ? 'finally' : 'steps', index: currentIndex(draft) });

/** The next step; undefined after the last one of its list. */
export function nextStep({ draft, snapshot: { object } }: Context): Step | undefined {
  return (isFinishing(draft) ? object.spec.finally : object.spec.steps)?.[currentIndex(draft)];
}

/** The Job name of the next step. */
export const nextJobName = oncePerContext((context: Context): string => {
  return stepJobName(context.snapshot.object, currentPosition(context), context.draft.resumes);
});

/** The record of the running step. */
export function runningStep(draft: Draft): StepStatus | undefined {
  const last = currentSteps(draft).at(-1);
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

/** The UIDs of the Jobs that the draft records. */
const recordedJobs = (draft: Draft): Set<string | undefined> =>
  new Set(recordedSteps(draft).map(({ jobUID }) => jobUID));

const resumesOf = ({ step }: ObservedJob): number => step.resumes ?? 0;

/** Whether the Job is one of the steps that run now: of `finally`, or of the others. */
const isOfCurrentList = ({ step }: ObservedJob, draft: Draft): boolean =>
  (step.isFinally === true) === isFinishing(draft);

/**
 * The existing Job of the next step, which the status does not record yet. It is matched by step index and resume
 * number, because the name depends on the spec, which may have changed.
 */
export const unrecordedJob = oncePerContext((context: Context): ObservedJob | undefined => {
  const { draft, snapshot } = context;
  const index = currentIndex(draft);
  const name = nextJobName(context);
  const recorded = recordedJobs(draft);
  const unrecorded = snapshot.jobs.filter(({ metadata }) => !recorded.has(metadata.uid));
  // After the last step the next position is that of the first step of finally.
  const namesake =
    nextStep(context) === undefined ? undefined : unrecorded.find(({ metadata }) => metadata.name === name);
  return (
    namesake ??
    // A Job of an earlier resume is kept as evidence of its failure.
    unrecorded.find(
      (job) => isOfCurrentList(job, draft) && job.step.index === index && resumesOf(job) === draft.resumes,
    )
  );
});

/**
 * Running Jobs of the sequence that no step needs: a create request without an answer took effect late, after the step
 * was renamed or the sequence had ended. Excludes the Job to record next, and Jobs that a deadline has ended.
 */
export const strayJobs = oncePerContext((context: Context): readonly ObservedJob[] => {
  const { draft, snapshot } = context;
  const recorded = recordedJobs(draft);
  for (const { jobUID } of recordedSteps(snapshot.object.status)) recorded.add(jobUID);
  return snapshot.jobs.filter((job) => {
    const { metadata, step, deadlineSeconds } = job;
    if (step.index === undefined || recorded.has(metadata.uid) || deadlineSeconds === 0) return false;
    // A Job of a later resume belongs to a status that the cache has not received yet.
    const isExpected =
      resumesOf(job) > draft.resumes || (resumesOf(job) === draft.resumes && step.index > lastIndex(job, draft));
    return !isExpected && outcomeOf(job).type === 'running';
  });
});

/**
 * The index of the last step that has started, in the list of this Job's step. Before the steps have ended, a Job of `finally`
 * belongs to a status that the cache has not received yet.
 */
function lastIndex(job: ObservedJob, draft: Draft): number {
  if (draft.state === 'Completed' || draft.state === 'Failed') return Infinity;
  if (!isOfCurrentList(job, draft)) return isFinishing(draft) ? Infinity : -1;
  return runningStep(draft)?.index ?? currentIndex(draft) - 1;
}

/** The unrecorded Job of a step after the running one: it was created after the running step had ended. */
export const nextStepJob = oncePerContext((context: Context): ObservedJob | undefined => {
  const running = runningStep(context.draft);
  return running === undefined ? undefined : laterJob(running.index, context);
});

/** Whether the sequence goes on after a failure of the step of this name: it has `onFailure: Continue`, or is one of `finally`. */
export function mayContinueAfterFailure(name: string | undefined, { draft, snapshot }: Context): boolean {
  if (isFinishing(draft)) return true;
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
  const recorded = recordedJobs(draft);
  const { steps, finally: last = [] } = snapshot.object.spec;
  const end = isFinishing(draft) ? last.length : steps.length;
  return snapshot.jobs.find((job) => {
    const { index = -1 } = job.step;
    const isLater = isOfCurrentList(job, draft) && index > after && index < end;
    return isLater && resumesOf(job) === draft.resumes && !recorded.has(job.metadata.uid);
  });
}

/** `1 (transform)`: the running or next step; undefined after the last step. */
export function currentStepLabel(context: Context): string | undefined {
  const { draft } = context;
  const name = runningStep(draft)?.name ?? nextStep(context)?.name;
  return name === undefined ? undefined : stepLabel(currentIndex(draft), name, isFinishing(draft));
}

/** The current step, for an event. */
export function eventStep(context: Context): NonNullable<EventDraft['step']> {
  const { draft } = context;
  const name = runningStep(draft)?.name ?? nextStep(context)?.name ?? '';
  return { index: currentIndex(draft), name, ...(isFinishing(draft) ? { isFinally: true } : {}) };
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
