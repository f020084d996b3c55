/** Whether the run for the time that is due starts, waits, or is missed. */
import { MAX_ACTIVE_RUNS, type ActiveRun } from '../../../shared/api/schedule.ts';
import { SCHEDULE_EVENT, SCHEDULE_MESSAGE, type ScheduleEventDraft } from '../../../shared/api/schedule-reasons.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import { runName } from '../../../shared/schedule/run-name.ts';
import type { Due } from './due.ts';
import { missed, normal, warning } from './events.ts';
import { isLate, lateFrom, shown, type Facts } from './facts.ts';
import type { ScheduleAction } from './types.ts';

export interface Start {
  readonly active: readonly ActiveRun[];
  /** The time that is used now. */
  readonly startedTime?: number;
  readonly pendingTime?: number;
  readonly events: readonly ScheduleEventDraft[];
  readonly actions: readonly ScheduleAction[];
  readonly requeueAt?: number;
}

export function start(facts: Facts, due: Due | undefined, active: readonly ActiveRun[]): Start {
  if (due === undefined) return { active, events: [], actions: [] };
  const { time } = due;
  const warnings = due.isTooManyMissed
    ? [warning(SCHEDULE_EVENT.tooManyMissedTimes, SCHEDULE_MESSAGE.tooManyMissed(shown(facts, time)))]
    : [];
  const isReplacing = facts.policy.concurrencyPolicy === 'Replace' && !due.isNew;
  // What was replaced for this time may take long to end, and must not have ended for nothing.
  if (isLate(facts, time) && !isReplacing) {
    return { active, events: [...warnings, missed(facts, time, 'deadline')], actions: [] };
  }
  if (!isBlocked(facts, active)) return begin(facts, { time, active, events: warnings });
  const events = due.isNew ? [...warnings, ...waitEvents(facts, time, active)] : [];
  const common = { active, pendingTime: time, events } as const;
  if (facts.policy.concurrencyPolicy === 'Replace') return { ...common, actions: replace(facts, due, active) };
  return { ...common, actions: [], requeueAt: lateFrom(facts, time) };
}

/** A planned run counts as active. */
function isBlocked({ policy }: Facts, active: readonly ActiveRun[]): boolean {
  return active.length >= (policy.concurrencyPolicy === 'Allow' ? MAX_ACTIVE_RUNS : 1);
}

interface Beginning {
  readonly time: number;
  readonly active: readonly ActiveRun[];
  readonly events: readonly ScheduleEventDraft[];
}

/** The time is recorded first: if that cannot be written, nothing is started, and once it is, nothing is started twice. */
function begin({ snapshot }: Facts, { time, active, events }: Beginning): Start {
  const scheduledTime = toTimestamp(time);
  const run: ActiveRun = { name: runName(snapshot.object.metadata.name, scheduledTime), scheduledTime };
  return { active: [...active, run], startedTime: time, events, actions: [{ type: 'RecordStatus' }] };
}

function waitEvents(facts: Facts, time: number, active: readonly ActiveRun[]): readonly ScheduleEventDraft[] {
  const at = shown(facts, time);
  switch (facts.policy.concurrencyPolicy) {
    case 'Allow':
      return [warning(SCHEDULE_EVENT.runForbidden, SCHEDULE_MESSAGE.tooManyActive(at, active.length))];
    case 'Forbid':
      return [normal(SCHEDULE_EVENT.runForbidden, SCHEDULE_MESSAGE.runForbidden(at, active[0]?.name ?? ''))];
    case 'Replace':
      return active.map(({ name }) => normal(SCHEDULE_EVENT.runReplaced, SCHEDULE_MESSAGE.runReplaced(name, at)));
  }
}

/** The time is recorded first, so that a controller that restarts knows why the runs go. */
function replace({ snapshot }: Facts, due: Due, active: readonly ActiveRun[]): readonly ScheduleAction[] {
  if (due.isNew) return [{ type: 'RecordStatus' }];
  const uids = new Set(active.map(({ uid }) => uid));
  const runs = snapshot.runs.filter(({ uid, isBeingDeleted }) => uids.has(uid) && !isBeingDeleted);
  return runs.length === 0 ? [] : [{ type: 'DeleteRuns', runs, because: 'Replaced' }];
}
