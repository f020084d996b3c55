/** The decision of a reconcile: pure, total. */
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../../shared/api/reasons.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { shiftDeadlineBySuspension, nextDeadlineMs } from './timers.ts';
import { recordedDraft } from './draft.ts';
import { walk } from './machine.ts';
import { nextPendingDeadlineMs } from './pending-time.ts';
import { withProgress } from './outcome.ts';
import { statusOf } from './status.ts';
import type { Context, Decision, Snapshot } from './types.ts';

/**
 * Returns what to do about this snapshot at this time (Unix milliseconds). Level-based: the result depends on the
 * state, not on past events, so it is safe to decide twice and to crash between two requests. While there are actions,
 * execute them and decide again on the new snapshot; write the status and emit the events of the last decision only.
 */
export function decide(snapshot: Snapshot, nowMs: number): Decision {
  const now = toTimestamp(nowMs);
  const walked = walk({ snapshot, draft: recordedDraft(snapshot), now, nowMs });
  // Unsuspending and suspending again between two status writes also counts as suspended time.
  const wasSuspended = walked.suspendedSince !== undefined && walked.state !== 'Suspended';
  const shifted = wasSuspended ? shiftDeadlineBySuspension({ snapshot, draft: walked, now, nowMs }) : walked;
  // Attempts and the last failure of the running step are updated after every walk, by no row: what is not recorded now is lost on
  // a restart.
  const draft = withProgress({ snapshot, draft: shifted, now, nowMs });
  const context: Context = { snapshot, draft, now, nowMs };
  const isBeingDeleted = draft.state === 'Deleting' || draft.state === 'Gone';
  return {
    actions: draft.actions,
    status: isBeingDeleted ? undefined : statusOf(context),
    events: [...specChanged(snapshot), ...fieldsIgnored(snapshot), ...draft.events],
    requeueAfterMs: earliest(draft.requeueAfterMs, earliest(nextDeadlineMs(context), nextPendingDeadlineMs(context))),
  };
}

/** Emitted with the status write that sets `observedGeneration`: once for each change. */
function specChanged({ object, specChange }: Snapshot): readonly EventDraft[] {
  const isNew = (object.metadata.generation ?? 0) > (object.status?.observedGeneration ?? 0);
  if (specChange === undefined || !isNew) return [];
  const message =
    specChange.type === 'accepted' ? EVENT_MESSAGE.specAccepted() : EVENT_MESSAGE.specRefused(specChange.errors);
  return [{ type: 'Warning', reason: EVENT.specChanged, message }];
}

/** Emitted once for each preflight: the steps run without these fields. */
function fieldsIgnored({ preflight }: Snapshot): readonly EventDraft[] {
  if (preflight === undefined || !('ignoredFields' in preflight) || preflight.ignoredFields.length === 0) return [];
  const message = EVENT_MESSAGE.fieldsIgnored(preflight.ignoredFields);
  return [{ type: 'Warning', reason: EVENT.fieldsIgnored, message }];
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

export type {
  Action,
  ClaimFinding,
  Decision,
  EventLookupResult,
  EventSubject,
  Finding,
  DeletedPodsOfJob,
  Preflight,
  Snapshot,
  SpecChange,
} from './types.ts';
