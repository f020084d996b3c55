/** Reverts the start of a sequence. Pure. */
import { EVENT } from '../../shared/api/reasons.ts';
import { currentIndex } from './step-view.ts';
import type { Context } from './types.ts';

/**
 * Removes the start if the first Job cannot be created and no start is recorded: the spec can then still be corrected,
 * and the deadline does not run.
 */
export function withoutStartTime(context: Context): Context {
  if (currentIndex(context.draft) > 0 || context.snapshot.object.status?.startTime !== undefined) return context;
  const events = context.draft.events.filter((event) => event.reason !== EVENT.sequenceStarted);
  return { ...context, draft: { ...context.draft, startTime: undefined, events } };
}
