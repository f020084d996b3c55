/** How the steps of a sequence have ended, as messages. */
import { MESSAGE, stepLabel } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import type { Context } from './types.ts';

/** The result of a sequence whose steps have all ended, including ignored failures. */
export const completionMessage = (context: Context): string =>
  stepsMessage(context, secondsBetween(context.draft.startTime, context.draft.completionTime));

/** How the steps ended, as one sentence, while those of `finally` run. */
export const outcomeMessage = (context: Context): string =>
  context.draft.failure === undefined ? stepsMessage(context) : MESSAGE.failed(context.draft.failure);

function stepsMessage({ draft, snapshot }: Context, seconds?: number): string {
  const total = snapshot.object.spec.steps.length;
  const labels = (steps: readonly StepStatus[], isFinally: boolean): readonly string[] =>
    steps.filter(({ state }) => state === 'Failed').map(({ index, name }) => stepLabel(index, name, isFinally));
  const failed = labels(draft.steps, false);
  const ignored = [...failed, ...labels(draft.finally ?? [], true)];
  return ignored.length === 0
    ? MESSAGE.completed(total, seconds)
    : MESSAGE.completedWithFailures({ total, completed: total - failed.length, failed: ignored }, seconds);
}

/** The failures of `finally` that fail the sequence, each as a clause; none with `onFailure: Continue`. */
export function finallyFailures({ draft, snapshot: { object } }: Context): readonly string[] {
  const failed = (draft.finally ?? []).filter(
    ({ index, state }) => state === 'Failed' && object.spec.finally?.[index]?.onFailure !== 'Continue',
  );
  return failed.map(({ index, name, reason = '', message = '' }) =>
    MESSAGE.finallyStepFailed(stepLabel(index, name, true), reason, message),
  );
}
