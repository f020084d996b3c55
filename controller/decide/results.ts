/** A step whose result another step refers to: the result is recorded before the next Job is created. */
import { outcomeOf } from '../../shared/api/job.ts';
import { isReferenced } from '../../shared/jobs/results.ts';
import { currentSteps, withLastStep } from './draft.ts';
import { stepSucceeded } from './outcome.ts';
import { resultOf, successOf } from './pod-diagnosis.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import { inspectPods } from './step.ts';
import { runningFinding, runningJob, runningStep } from './step-view.ts';
import type { Context, Draft } from './types.ts';

/** The Job of the running step has completed, and the result of the step is needed. */
function isResultDue(context: Context): boolean {
  const job = runningJob(context);
  const name = runningStep(context.draft)?.name;
  if (job === undefined || name === undefined || outcomeOf(job).type !== 'succeeded') return false;
  return isReferenced(context.snapshot.object.spec, name);
}

function hasSuccess(context: Context): boolean {
  const job = runningJob(context);
  return job !== undefined && successOf(context.snapshot.pods ?? [], job.metadata.uid) !== undefined;
}

/** The record with the result, if the Pod handed one on. */
function withResult(context: Context): Draft {
  const job = runningJob(context);
  const draft = stepSucceeded(context);
  const last = currentSteps(draft).at(-1);
  if (job === undefined || last === undefined) return draft;
  const result = resultOf(context.snapshot.pods ?? [], job.metadata.uid, last.name);
  return result === undefined ? draft : withLastStep(draft, { ...last, result });
}

const guards = defineGuards({
  resultNotSeen: {
    description:
      'the Job has Complete=True, another step refers to the result, and the operator has not seen the Pod that succeeded',
    holds: (context) => isResultDue(context) && runningFinding(context)?.type !== 'inspected' && !hasSuccess(context),
  },
  resultDue: {
    description: 'the Job has Complete=True, and another step refers to the result',
    holds: isResultDue,
  },
});

const effects = defineEffects({
  recordResult: {
    description:
      'record the step as Succeeded with the result of its Pod, if that still exists; requeue at once, so that this is recorded before the next Job is created',
    apply: (context) => ({ ...withResult(context), requeueAfterMs: 0 }),
  },
});

/** Before a completed step is recorded without its result. */
const rowsTo = (to: 'StepPending' | 'FinallyPending'): readonly Row[] => [
  { guard: guards.resultNotSeen, effect: inspectPods },
  { guard: guards.resultDue, effect: effects.recordResult, to },
];

export const resultRows = rowsTo('StepPending');
export const finallyResultRows = rowsTo('FinallyPending');
