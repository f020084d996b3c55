/** The decision of a reconcile: pure and total. */
import { toTimestamp } from '../../shared/api/time.ts';
import { recordedDraft } from './draft.ts';
import { walk } from './machine.ts';
import { statusOf } from './status.ts';
import type { Decision, Snapshot } from './types.ts';

/**
 * What to do about this snapshot, at this time (Unix milliseconds). Level-based: it depends on what is, not on what
 * happened, so deciding twice does no harm and a crash between two requests is nothing special. While there are
 * actions, do them and decide again on what they brought; status and events are those of the last decision.
 */
export function decide(snapshot: Snapshot, nowMs: number): Decision {
  const now = toTimestamp(nowMs);
  const { object } = snapshot;
  const draft = walk({ snapshot, draft: recordedDraft(object), now });
  const going = draft.state === 'Deleting' || draft.state === 'Gone';
  return {
    actions: draft.actions,
    status: going ? undefined : statusOf({ snapshot, draft, now }),
    events: draft.events,
    requeueAfterMs: draft.requeueAfterMs,
  };
}

export type { Action, Decision, Finding, Snapshot } from './types.ts';
