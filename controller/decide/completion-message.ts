/** The message of a finished sequence. */
import { MESSAGE, stepLabel } from '../../shared/api/reasons.ts';
import { secondsBetween } from '../../shared/api/time.ts';
import type { Context } from './types.ts';

/** The result of a sequence whose steps have all ended, including ignored failures. */
export function completionMessage({ draft, snapshot }: Context): string {
  const total = snapshot.object.spec.steps.length;
  const seconds = secondsBetween(draft.startTime, draft.completionTime);
  const failed = draft.steps.filter(({ state }) => state === 'Failed').map(({ index, name }) => stepLabel(index, name));
  return failed.length === 0
    ? MESSAGE.completed(total, seconds)
    : MESSAGE.completedWithFailures({ total, failed }, seconds);
}
