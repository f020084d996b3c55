/** Computes the status from the draft. Everything here is derived; the draft has the facts. */
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
import { currentIndex, isFinishing, nextStep, runningStep } from './step-view.ts';
import { recordedSteps } from './draft.ts';
import { isResumeBlocked } from './leftover-pods.ts';
import { fitSteps } from './status-size.ts';
import type { Context, State } from './types.ts';

const PHASE_OF: Readonly<Record<State, Phase>> = {
  New: 'Pending',
  StepPending: 'Running',
  StepRunning: 'Running',
  // Ended only between two rows.
  Ended: 'Finishing',
  FinallyPending: 'Finishing',
  FinallyRunning: 'Finishing',
  Suspended: 'Suspended',
  Completed: 'Completed',
  Failed: 'Failed',
  // The status of an object that is being deleted is not written.
  Deleting: 'Pending',
  Gone: 'Pending',
};

/** The complete status. Fields that other clients wrote are dropped: only the operator writes the status. */
export function statusOf(context: Context): SequentialJobStatus {
  const { draft, snapshot, now } = context;
  const generation = snapshot.object.metadata.generation ?? 0;
  const recorded = snapshot.object.status;
  const last = draft.finally === undefined ? undefined : printableSteps(draft.finally, context);
  // Nothing to report. A spec that is rejected again for another reason comes with an event. A sequence that finished
  // before a condition was introduced does not get it here.
  if (recorded !== undefined && isFinished(recorded, draft.state) && draft.events.length === 0) {
    return withResume({ ...recorded, ...withObservedGeneration(recorded, generation) }, context);
  }
  return {
    observedGeneration: generation,
    phase: draft.state === 'StepPending' && draft.startTime === undefined ? 'Pending' : PHASE_OF[draft.state],
    // Texts may come from any source: the status has printable characters only.
    conditions: setConditions(recorded?.conditions, printableTexts(conditionStates(context)), { now, generation }),
    state: counts(context),
    progress: progress(context),
    steps: fitSteps([...printableSteps(draft.steps, context), ...skipped(context)], last),
    ...(last === undefined ? {} : { finally: last }),
    ...(draft.startTime === undefined ? {} : { startTime: draft.startTime }),
    ...(draft.activeStartTime === undefined ? {} : { activeStartTime: draft.activeStartTime }),
    ...(draft.completionTime === undefined ? {} : { completionTime: draft.completionTime }),
    resumes: draft.resumes,
  };
}

/** A sequence that is recorded as finished keeps its status when its spec changes. */
function isFinished({ conditions }: SequentialJobStatus, state: State): boolean {
  return (
    (state === 'Completed' && isTrue(conditions, 'Complete')) || (state === 'Failed' && isTrue(conditions, 'Failed'))
  );
}

function withObservedGeneration(
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

/** Reports a pending resume in the Progressing condition, beside the failure. */
function withResume(status: SequentialJobStatus, context: Context): SequentialJobStatus {
  const { conditions = [], observedGeneration } = status;
  const wasPending = getCondition(conditions, 'Progressing')?.reason === REASON.resumePending;
  if (context.draft.state !== 'Failed' || (!wasPending && !isResumeBlocked(context))) return status;
  const progress = progressing(context);
  const isProgressing = ({ type }: Condition): boolean => type === 'Progressing';
  return {
    ...status,
    conditions: conditions.map((condition) =>
      isProgressing(condition) ? replaced(condition, progress, observedGeneration) : condition,
    ),
  };
}

const replaced = (before: Condition, after: ConditionState, observedGeneration: number | undefined): Condition => ({
  ...before,
  ...after,
  ...(observedGeneration === undefined ? {} : { observedGeneration }),
});

/** Adds the Stalled condition, which an older version of the operator did not write. */
function withStalled(conditions: readonly Condition[]): readonly Condition[] {
  const failed = getCondition(conditions, 'Failed');
  if (failed?.status !== 'True' || isTrue(conditions, 'Stalled')) return conditions;
  return [...conditions, { ...failed, type: 'Stalled' }];
}

/** The steps after the one that ended the sequence; a resume removes their records. */
function skipped({ draft, snapshot }: Context): readonly StepStatus[] {
  const failedIndex = draft.failure?.index;
  const hasEnded = draft.state === 'Failed' || isFinishing(draft);
  if (!hasEnded || draft.startTime === undefined || failedIndex === undefined) return [];
  return snapshot.object.spec.steps
    .map(({ name }, index): StepStatus => ({ index, name: printableLine(name), state: 'Skipped' }))
    .slice(failedIndex + 1);
}

/** The steps in printable characters; recorded ones are printable already. */
function printableSteps(steps: readonly StepStatus[], { snapshot }: Context): readonly StepStatus[] {
  const known = new Set(recordedSteps(snapshot.object.status));
  return steps.map((step) => (known.has(step) ? step : printableTexts(step)));
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
    ...printableTexts(currentStep(context)),
    completedIndices,
    ...(failedIndex === undefined ? {} : { failedIndex }),
    ...(failure === undefined
      ? {}
      : printableTexts({ failureReason: failure.reason, failureMessage: failure.message })),
    // The last step may have been removed from the spec after its Job was created.
    summary: `${completedIndices.length}/${Math.max(snapshot.object.spec.steps.length, draft.steps.length)}`,
  };
}

/** The step to show: the failed one, else the running one, else the next one; none if all are done. A step of `finally` has no index here. */
function currentStep(context: Context): Pick<Progress, 'currentIndex' | 'currentStep'> {
  const { draft } = context;
  if (draft.failure?.index !== undefined) {
    const { index, step } = draft.failure;
    return { currentIndex: index, ...(step === undefined ? {} : { currentStep: step }) };
  }
  const name = runningStep(draft)?.name ?? nextStep(context)?.name;
  if (name === undefined || draft.state === 'Completed') return {};
  return isFinishing(draft) ? { currentStep: name } : { currentIndex: currentIndex(draft), currentStep: name };
}
