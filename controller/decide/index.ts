/** The decision of a reconcile: pure and total. */
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../../shared/api/reasons.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { shiftDeadlineBySuspension, nextDeadlineMs } from './clock.ts';
import { recordedDraft } from './draft.ts';
import { walk } from './machine.ts';
import { withProgress } from './outcome.ts';
import { statusOf } from './status.ts';
import type { Context, Decision, Snapshot } from './types.ts';

/**
 * What to do about this snapshot, at this time (Unix milliseconds). Level-based: it depends on what is, not on what
 * happened, so deciding twice does no harm and a crash between two requests is nothing special. While there are
 * actions, do them and decide again on what they brought; status and events are those of the last decision.
 */
export function decide(snapshot: Snapshot, nowMs: number): Decision {
  const now = toTimestamp(nowMs);
  const walked = walk({ snapshot, draft: recordedDraft(snapshot), now, nowMs });
  // Not only by the front door: what was let go and suspended again before either was written stood still meanwhile.
  const stoodStill = walked.suspendedSince !== undefined && walked.state !== 'Suspended';
  const timed = stoodStill ? shiftDeadlineBySuspension({ snapshot, draft: walked, now, nowMs }) : walked;
  // Whatever else is decided: what is not put down now, a restart forgets.
  const draft = withProgress({ snapshot, draft: timed, now, nowMs });
  const context: Context = { snapshot, draft, now, nowMs };
  const going = draft.state === 'Deleting' || draft.state === 'Gone';
  return {
    actions: draft.actions,
    status: going ? undefined : statusOf(context),
    events: [...specChanged(snapshot), ...fieldsIgnored(snapshot), ...draft.events],
    requeueAfterMs: earliest(draft.requeueAfterMs, nextDeadlineMs(context)),
  };
}

/** Said with the status write that puts down the generation: once for each change. */
function specChanged({ object, specChange }: Snapshot): readonly EventDraft[] {
  const isNew = (object.metadata.generation ?? 0) > (object.status?.observedGeneration ?? 0);
  if (specChange === undefined || !isNew) return [];
  const message =
    specChange.type === 'accepted' ? EVENT_MESSAGE.specAccepted() : EVENT_MESSAGE.specRefused(specChange.faults);
  return [{ type: 'Warning', reason: EVENT.specChanged, message }];
}

/** Said once for each preflight: the steps run without these fields. */
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
  Decision,
  EventLookupResult as EventLook,
  EventSubject,
  Finding,
  DeletedPodsOfJob as GonePodsOfJob,
  Preflight,
  Snapshot,
  SpecChange,
} from './types.ts';
