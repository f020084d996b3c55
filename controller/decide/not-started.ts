/** The start of a sequence, taken back. Pure. */
import { EVENT } from '../../shared/api/reasons.ts';
import { currentIndex } from './step-view.ts';
import type { Context } from './types.ts';

/**
 * A sequence whose very first Job cannot be made has not started: without a start its spec can still be mended, and
 * its time does not run.
 */
export function withoutStart(context: Context): Context {
  if (currentIndex(context.draft) > 0 || context.snapshot.object.status?.startTime !== undefined) return context;
  const events = context.draft.events.filter((event) => event.reason !== EVENT.sequenceStarted);
  return { ...context, draft: { ...context.draft, startTime: undefined, events } };
}
