/** Events; each comes once, with the status that records its cause. */
import {
  SCHEDULE_EVENT,
  SCHEDULE_MESSAGE,
  SCHEDULE_REASON,
  type MissCause,
  type ScheduleEventDraft,
  type ScheduleEventReason,
} from '../../../shared/api/schedule-reasons.ts';
import { truncate } from '../../../shared/truncate.ts';
import { conditionOf, faultOf } from './conditions.ts';
import { shown, type Facts } from './facts.ts';
import { isResumed } from './observed.ts';

export const normal = (reason: ScheduleEventReason, message: string): ScheduleEventDraft => ({
  type: 'Normal',
  reason,
  message: truncate(message),
});

export const warning = (reason: ScheduleEventReason, message: string): ScheduleEventDraft => ({
  type: 'Warning',
  reason,
  message: truncate(message),
});

export const missed = (facts: Facts, time: number, cause: MissCause): ScheduleEventDraft =>
  warning(SCHEDULE_EVENT.missSchedule, SCHEDULE_MESSAGE.missed(shown(facts, time), cause));

/** Those that follow from the object itself. */
export function objectEvents(facts: Facts): readonly ScheduleEventDraft[] {
  return [...faultEvent(facts), ...suspensionEvent(facts)];
}

function faultEvent(facts: Facts): readonly ScheduleEventDraft[] {
  const fault = faultOf(facts);
  if (fault === undefined) return [];
  const reason =
    fault.reason === SCHEDULE_REASON.invalidSpec ? SCHEDULE_EVENT.invalidSpec : SCHEDULE_EVENT.forbiddenNamespace;
  const event = warning(reason, fault.message);
  const recorded = conditionOf(facts.status, 'Available');
  return recorded?.reason === fault.reason && recorded.message === event.message ? [] : [event];
}

function suspensionEvent(facts: Facts): readonly ScheduleEventDraft[] {
  if (isResumed(facts)) return [normal(SCHEDULE_EVENT.resumed, SCHEDULE_MESSAGE.resumed)];
  const isNew = facts.policy.suspend && conditionOf(facts.status, 'Suspended')?.status !== 'True';
  return isNew ? [normal(SCHEDULE_EVENT.suspended, SCHEDULE_MESSAGE.suspended)] : [];
}
