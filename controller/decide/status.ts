/** The draft written out as the status of the API. Everything here is derived: the facts are in the draft. */
import { type ConditionState, isTrue, setConditions } from '../../shared/conditions.ts';
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { ConditionType, Phase, Progress, SequentialJobStatus, StepCounts } from '../../shared/api/types.ts';
import { CONDITION_TYPES } from '../../shared/api/types.ts';
import { currentIndex, nextContainer, nextJobName, runningStep } from './draft.ts';
import { fitMessage, fitSteps } from './size.ts';
import type { Context, State } from './types.ts';

const PHASE_OF: Readonly<Record<State, Phase>> = {
  New: 'Pending',
  StepPending: 'Running',
  StepRunning: 'Running',
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
    return { ...recorded, ...observed(recorded, generation) };
  }
  return {
    observedGeneration: generation,
    phase: draft.state === 'StepPending' && draft.steps.length === 0 ? 'Pending' : PHASE_OF[draft.state],
    conditions: setConditions(snapshot.object.status?.conditions, conditionStates(context), { now, generation }),
    state: counts(context),
    progress: progress(context),
    steps: fitSteps(draft.steps),
    ...(draft.startTime === undefined ? {} : { startTime: draft.startTime }),
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
  const types: readonly string[] = CONDITION_TYPES;
  return {
    observedGeneration: generation,
    conditions: conditions.map((condition) =>
      types.includes(condition.type) ? { ...condition, observedGeneration: generation } : condition,
    ),
  };
}

function counts({ draft }: Context): StepCounts {
  const count = (state: string): number => draft.steps.filter((step) => step.state === state).length;
  return { active: count('Running'), succeeded: count('Succeeded'), failed: count('Failed') };
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
    summary: `${completedIndices.length}/${snapshot.object.spec.containers.length}`,
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

function conditionStates(context: Context): Readonly<Record<ConditionType, ConditionState>> {
  const { draft } = context;
  const done = draft.state === 'Completed';
  const over = done ? closing(context) : undefined;
  const open = { status: 'False', reason: REASON.notCompleted, message: MESSAGE.notCompleted } as const;
  return {
    Available: over ?? open,
    Progressing: progressing(context),
    Failed:
      draft.failure === undefined
        ? { status: 'False', reason: REASON.notFailed, message: MESSAGE.notFailed }
        : { status: 'True', reason: draft.failure.reason, message: MESSAGE.failed(draft.failure) },
    Complete: over ?? open,
    Suspended: { status: 'False', reason: REASON.notSuspended, message: MESSAGE.notSuspended },
    ResourcesUnavailable: { status: 'False', reason: REASON.resourcesAvailable, message: MESSAGE.resourcesAvailable },
  };
}

function closing({ draft, snapshot }: Context): ConditionState {
  const seconds = secondsBetween(draft.startTime, draft.completionTime);
  const message = MESSAGE.completed(snapshot.object.spec.containers.length, seconds);
  return { status: 'True', reason: REASON.completed, message };
}

/** Its message is the one sentence that says how things stand: the MESSAGE column of `kubectl get -o wide`. */
function progressing(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Completed') return { ...closing(context), status: 'False' };
  if (draft.failure !== undefined) {
    return { status: 'False', reason: draft.failure.reason, message: MESSAGE.failed(draft.failure) };
  }
  if (snapshot.trouble !== undefined) {
    return { status: 'True', reason: REASON.reconciliationError, message: fitMessage(snapshot.trouble) };
  }
  const step = runningStep(draft);
  if (step !== undefined) {
    const message = MESSAGE.running(step.index, step.name, snapshot.object.spec.containers.length);
    return { status: 'True', reason: REASON.jobRunning, message };
  }
  const next = nextContainer(context);
  const finding = snapshot.findings[nextJobName(context)];
  if (finding?.type === 'foreign') {
    const message = MESSAGE.awaitingName(nextJobName(context), finding.owner);
    return { status: 'True', reason: REASON.starting, message };
  }
  if (draft.state === 'New' || next === undefined) {
    return { status: 'False', reason: REASON.pending, message: MESSAGE.pending };
  }
  return { status: 'True', reason: REASON.starting, message: MESSAGE.starting(currentIndex(draft), next.name) };
}
