/** The draft written out as the status of the API. Everything here is derived: the facts are in the draft. */
import {
  type ConditionState,
  type ConditionStates,
  getCondition,
  isOwnCondition,
  isTrue,
  setConditions,
} from '../../shared/conditions.ts';
import { type Failure, MESSAGE, REASON, stepLabel } from '../../shared/api/reasons.ts';
import type {
  Condition,
  Phase,
  Progress,
  SequentialJobStatus,
  StepCounts,
  StepStatus,
} from '../../shared/api/types.ts';
import { currentIndex, currentLabel, nextContainer, nextJobName, runningJob, runningStep, strayJobs } from './draft.ts';
import { podNames, podsLeft, resumeWaits } from './pods-left.ts';
import { fitMessage, fitSteps } from './size.ts';
import { completion } from './summary.ts';
import { suspendAgainInMs } from './suspension.ts';
import type { Context, State } from './types.ts';
import { obstacle, sentenceOf } from './waiting.ts';

const PHASE_OF: Readonly<Record<State, Phase>> = {
  New: 'Pending',
  StepPending: 'Running',
  StepRunning: 'Running',
  Suspended: 'Suspended',
  Completed: 'Completed',
  Failed: 'Failed',
  // Nothing is written for an object that is going.
  Deleting: 'Pending',
  Gone: 'Pending',
};

/** The whole status. Fields that others wrote into it are not kept: the status is ours alone. */
export function statusOf(context: Context): SequentialJobStatus {
  const { draft, snapshot, now } = context;
  const generation = snapshot.object.metadata.generation ?? 0;
  const recorded = snapshot.object.status;
  // Without news: a spec that was refused and is refused again for another reason comes with an event.
  if (recorded !== undefined && hasEnded(recorded, draft.state) && draft.events.length === 0) {
    return withResume({ ...recorded, ...observed(recorded, generation) }, context);
  }
  return {
    observedGeneration: generation,
    phase: draft.state === 'StepPending' && draft.startTime === undefined ? 'Pending' : PHASE_OF[draft.state],
    conditions: setConditions(snapshot.object.status?.conditions, conditionStates(context), { now, generation }),
    state: counts(context),
    progress: progress(context),
    steps: fitSteps([...draft.steps, ...skipped(context)]),
    ...(draft.startTime === undefined ? {} : { startTime: draft.startTime }),
    ...(draft.activeStartTime === undefined ? {} : { activeStartTime: draft.activeStartTime }),
    ...(draft.completionTime === undefined ? {} : { completionTime: draft.completionTime }),
    resumes: draft.resumes,
  };
}

/** A sequence that is on record as over stays as it was recorded, whatever becomes of its spec. */
function hasEnded({ conditions }: SequentialJobStatus, state: State): boolean {
  return (
    (state === 'Completed' && isTrue(conditions, 'Complete')) || (state === 'Failed' && isTrue(conditions, 'Failed'))
  );
}

function observed(
  { conditions = [] }: SequentialJobStatus,
  generation: number,
): Pick<SequentialJobStatus, 'observedGeneration' | 'conditions'> {
  return {
    observedGeneration: generation,
    conditions: withStalled(conditions).map((condition) => atGeneration(condition, generation)),
  };
}

const atGeneration = (condition: Condition, observedGeneration: number): Condition =>
  isOwnCondition(condition) ? { ...condition, observedGeneration } : condition;

/** A resume that waits is said beside the failure that it is to undo. */
function withResume(status: SequentialJobStatus, context: Context): SequentialJobStatus {
  const { conditions = [], observedGeneration } = status;
  const wasPending = getCondition(conditions, 'Progressing')?.reason === REASON.resumePending;
  if (context.draft.state !== 'Failed' || (!wasPending && !resumeWaits(context))) return status;
  const said = progressing(context);
  const isSaid = ({ type }: Condition): boolean => type === 'Progressing';
  return {
    ...status,
    conditions: conditions.map((condition) =>
      isSaid(condition) ? replaced(condition, said, observedGeneration) : condition,
    ),
  };
}

const replaced = (before: Condition, said: ConditionState, observedGeneration: number | undefined): Condition => ({
  ...before,
  ...said,
  ...(observedGeneration === undefined ? {} : { observedGeneration }),
});

function resumePending(context: Context): ConditionState | undefined {
  const { failure } = context.draft;
  if (failure === undefined || !resumeWaits(context)) return undefined;
  const at = stepLabel(failure.index ?? currentIndex(context.draft), failure.step ?? '');
  const message = MESSAGE.resumePending(at, podNames(podsLeft(context), context.nowMs));
  return { status: 'False', reason: REASON.resumePending, message };
}

/** An older version of the controller wrote no Stalled. */
function withStalled(conditions: readonly Condition[]): readonly Condition[] {
  const failed = getCondition(conditions, 'Failed');
  if (failed?.status !== 'True' || isTrue(conditions, 'Stalled')) return conditions;
  return [...conditions, { ...failed, type: 'Stalled' }];
}

/** The steps behind the one that ended the sequence; a resume makes them steps to come again. */
function skipped({ draft, snapshot }: Context): readonly StepStatus[] {
  const failedIndex = draft.failure?.index;
  if (draft.state !== 'Failed' || draft.startTime === undefined || failedIndex === undefined) return [];
  return snapshot.object.spec.containers
    .map(({ name }, index): StepStatus => ({ index, name, state: 'Skipped' }))
    .slice(failedIndex + 1);
}

function counts({ draft }: Context): StepCounts {
  const count = (state: string): number => draft.steps.filter((step) => step.state === state).length;
  return {
    active: draft.state === 'Suspended' ? 0 : count('Running'),
    succeeded: count('Succeeded'),
    failed: count('Failed'),
  };
}

function progress(context: Context): Progress {
  const { draft, snapshot } = context;
  const { failure } = draft;
  const completedIndices = draft.steps.filter((step) => step.state === 'Succeeded').map((step) => step.index);
  return {
    ...current(context),
    completedIndices,
    ...(failure?.index === undefined ? {} : { failedIndex: failure.index }),
    ...(failure === undefined ? {} : { failureReason: failure.reason, failureMessage: failure.message }),
    // The last step may have been taken out after its Job was made.
    summary: `${completedIndices.length}/${Math.max(snapshot.object.spec.containers.length, draft.steps.length)}`,
  };
}

/** The step that people ask about: the failed one, else the running one, else the next; none when all is done. */
function current(context: Context): Pick<Progress, 'currentIndex' | 'currentStep'> {
  const { draft } = context;
  if (draft.failure?.index !== undefined) {
    const { index, step } = draft.failure;
    return { currentIndex: index, ...(step === undefined ? {} : { currentStep: step }) };
  }
  const name = runningStep(draft)?.name ?? nextContainer(context)?.name;
  if (name === undefined || draft.state === 'Completed') return {};
  return { currentIndex: currentIndex(draft), currentStep: name };
}

function conditionStates(context: Context): ConditionStates {
  const { draft } = context;
  const done = draft.state === 'Completed';
  const over = done ? closing(context) : undefined;
  const open = { status: 'False', reason: REASON.notCompleted, message: MESSAGE.notCompleted } as const;
  const progress = progressing(context);
  const failed = failure(context);
  return {
    Available: over ?? open,
    Progressing: progress,
    Failed: failed ?? { status: 'False', reason: REASON.notFailed, message: MESSAGE.notFailed },
    Complete: over ?? open,
    Suspended: suspended(context),
    ResourcesUnavailable: unavailable(context),
    ...transient(context, progress),
  };
}

function failure({ draft }: Context): ConditionState | undefined {
  return draft.failure === undefined ? undefined : { status: 'True', ...failedReason(draft.failure) };
}

const failedReason = (failure: Failure): Pick<ConditionState, 'reason' | 'message'> => ({
  reason: failure.reason,
  message: MESSAGE.failed(failure),
});

/**
 * What kstatus waits by (cli-utils pkg/kstatus/status/generic.go): a sequence that has not ended is in progress, also one
 * that is suspended, because what depends on it must not go on.
 */
function transient(context: Context, progress: ConditionState): Pick<ConditionStates, 'Reconciling' | 'Stalled'> {
  if (context.draft.state === 'Completed') return {};
  const stalled = failure(context);
  return stalled === undefined ? { Reconciling: { ...progress, status: 'True' } } : { Stalled: stalled };
}

function closing(context: Context): ConditionState {
  return { status: 'True', reason: REASON.completed, message: completion(context) };
}

/** Where the sequence stands, for people; undefined before it has started. */
const place = (context: Context): string | undefined =>
  context.draft.startTime === undefined ? undefined : currentLabel(context);

function suspended(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Suspended') {
    return { status: 'True', reason: REASON.suspended, message: MESSAGE.suspended(place(context)) };
  }
  if (draft.state === 'StepRunning' && snapshot.object.spec.suspend === true) {
    return { status: 'False', ...suspending(context) };
  }
  return { status: 'False', reason: REASON.notSuspended, message: MESSAGE.notSuspended };
}

function suspending(context: Context): Pick<ConditionState, 'reason' | 'message'> {
  const job = runningJob(context);
  const at = place(context) ?? '';
  const isUndone = job !== undefined && job.suspended === undefined && suspendAgainInMs(job, context.nowMs) > 0;
  const message = isUndone
    ? MESSAGE.suspensionUndone(at, job.metadata.name, job.suspensions?.undoneBy)
    : MESSAGE.suspending(at);
  return { reason: REASON.suspending, message };
}

function unavailable(context: Context): ConditionState {
  const found = canWait(context) ? (obstacle(context) ?? stillMissing(context)) : undefined;
  return found === undefined
    ? { status: 'False', reason: REASON.resourcesAvailable, message: MESSAGE.resourcesAvailable }
    : { status: 'True', reason: found.reason, message: found.message };
}

/**
 * What is on record and not settled by what is seen now: while looking again for what was missing there was trouble, or
 * the Job is being ended because the time is up, and its Pod goes, which never started.
 */
function stillMissing(context: Context): Pick<ConditionState, 'reason' | 'message'> | undefined {
  const { draft, snapshot } = context;
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  const isOpen = snapshot.trouble !== undefined && draft.state === 'StepPending' && draft.events.length === 0;
  const isEnding = draft.state === 'StepRunning' && runningJob(context)?.deadlineSeconds === 0;
  return (isOpen || isEnding) && known?.status === 'True' ? known : undefined;
}

const canWait = ({ draft: { state } }: Context): boolean => state === 'StepPending' || state === 'StepRunning';

/** Its message is the one sentence that says how things stand: the MESSAGE column of `kubectl get -o wide`. */
function progressing(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Completed') return { ...closing(context), status: 'False' };
  if (draft.failure !== undefined) {
    return resumePending(context) ?? { status: 'False', ...failedReason(draft.failure) };
  }
  if (snapshot.trouble !== undefined) {
    return { status: 'True', reason: REASON.reconciliationError, message: fitMessage(snapshot.trouble) };
  }
  if (draft.state === 'Suspended') {
    return { status: 'False', reason: REASON.suspended, message: MESSAGE.suspended(place(context)) };
  }
  const found = canWait(context) ? obstacle(context) : undefined;
  if (found !== undefined) {
    const status = draft.startTime === undefined ? 'False' : 'True';
    const message = fitMessage(sentenceOf(found, currentLabel(context) ?? ''));
    return { status, reason: REASON.resourcesUnavailable, message };
  }
  const step = runningStep(draft);
  if (step !== undefined && snapshot.object.spec.suspend === true) {
    return { status: 'True', ...suspending(context) };
  }
  if (step !== undefined) {
    const { index, name, attempts = 1 } = step;
    const message = MESSAGE.running(index, name, snapshot.object.spec.containers.length, attempts);
    return { status: 'True', reason: REASON.jobRunning, message };
  }
  const left = draft.state === 'StepPending' ? podsLeft(context) : [];
  if (left.length > 0) {
    const message = MESSAGE.awaitingPods(currentLabel(context) ?? '', podNames(left, context.nowMs));
    return { status: 'True', reason: REASON.starting, message };
  }
  const strays = draft.state === 'StepPending' ? strayJobs(context) : [];
  if (strays.length > 0) {
    const message = MESSAGE.awaitingJobs(
      currentLabel(context) ?? '',
      strays.map(({ metadata }) => metadata.name),
    );
    return { status: 'True', reason: REASON.starting, message };
  }
  const next = nextContainer(context);
  const finding = snapshot.findings[nextJobName(context)];
  if (finding?.type === 'foreign') {
    const message = MESSAGE.awaitingName(nextJobName(context), finding.owner, finding.leaving === 'ownerless');
    return { status: 'True', reason: REASON.starting, message };
  }
  if (draft.state === 'New' || next === undefined) {
    return { status: 'False', reason: REASON.pending, message: MESSAGE.pending };
  }
  return { status: 'True', reason: REASON.starting, message: MESSAGE.starting(currentIndex(draft), next.name) };
}
