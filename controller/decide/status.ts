/** The draft written out as the status of the API. Everything here is derived: the facts are in the draft. */
import { type ConditionState, getCondition, isOwnCondition, isTrue, setConditions } from '../../shared/conditions.ts';
import { printableLine, printableTexts } from '../../shared/printable-text.ts';
import { REASON } from '../../shared/api/reasons.ts';
import type {
  Condition,
  Phase,
  Progress,
  SequentialJobStatus,
  StepCounts,
  StepStatus,
} from '../../shared/api/types.ts';
import { conditionStates, progressing } from './condition-states.ts';
import { currentIndex, nextContainer, runningStep } from './step-view.ts';
import { isResumeBlocked } from './pods-left.ts';
import { fitSteps } from './size.ts';
import type { Context, State } from './types.ts';

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
    // Whoever's words they are made of: what goes in is plain.
    conditions: setConditions(recorded?.conditions, printableTexts(conditionStates(context)), { now, generation }),
    state: counts(context),
    progress: progress(context),
    steps: fitSteps([...plainSteps(context), ...skipped(context)]),
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
  if (context.draft.state !== 'Failed' || (!wasPending && !isResumeBlocked(context))) return status;
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
    .map(({ name }, index): StepStatus => ({ index, name: printableLine(name), state: 'Skipped' }))
    .slice(failedIndex + 1);
}

/** Those that are on record are. */
function plainSteps({ draft, snapshot }: Context): readonly StepStatus[] {
  const known = new Set(snapshot.object.status?.steps);
  return draft.steps.map((step) => (known.has(step) ? step : printableTexts(step)));
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
  const failedIndex = failure?.index;
  return {
    ...printableTexts(current(context)),
    completedIndices,
    ...(failedIndex === undefined ? {} : { failedIndex }),
    ...(failure === undefined
      ? {}
      : printableTexts({ failureReason: failure.reason, failureMessage: failure.message })),
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
