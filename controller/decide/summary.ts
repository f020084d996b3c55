/** A finished sequence in one sentence. */
import { MESSAGE, stepLabel } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { Context } from './types.ts';

/** How the sequence ended that has run all its steps, those included that failed and were passed over. */
export function completionMessage({ draft, snapshot }: Context): string {
  const total = snapshot.object.spec.containers.length;
  const seconds = secondsBetween(draft.startTime, draft.completionTime);
  const failed = draft.steps.filter(({ state }) => state === 'Failed').map(({ index, name }) => stepLabel(index, name));
  return failed.length === 0
    ? MESSAGE.completed(total, seconds)
    : MESSAGE.completedWithFailures({ total, failed }, seconds);
}
