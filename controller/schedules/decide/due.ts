/** The time that is due: the newest that has come. Earlier ones are not made up for. */
import type { ObservedSchedule } from '../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import { MAX_COUNTED_TIMES } from '../../../shared/schedule/calendar.ts';
import { runName } from '../../../shared/schedule/run-name.ts';
import { instantOf, latest, type Facts } from './facts.ts';

export interface Due {
  readonly time: number;
  /** It has not been seen before: neither waiting nor done with. */
  readonly isNew: boolean;
  readonly isTooManyMissed: boolean;
}

export interface Times {
  readonly due: Due | undefined;
  /** The recorded time that waits is still to come: the clock was set back. */
  readonly later?: number | undefined;
  /** The next one to come. */
  readonly next: number | undefined;
  /** The newest that is used: recorded, or that of a run. */
  readonly last: number | undefined;
}

/** Nothing is due while the schedule is suspended or invalid. */
export function timesOf(facts: Facts, observed: ObservedSchedule): Times {
  const { parsed, policy, nowMs } = facts;
  const last = latest(instantOf(facts.status.lastScheduleTime), ...timesOfRuns(facts));
  if (!parsed.ok || policy.suspend) return { due: undefined, next: undefined, last };
  const created = instantOf(facts.snapshot.object.metadata.creationTimestamp);
  const since = latest(last, created, instantOf(observed.since)) ?? nowMs;
  const { time, count } = parsed.calendar.missed(since, nowMs);
  if (time !== undefined) {
    const due: Due = { time, isNew: true, isTooManyMissed: count >= MAX_COUNTED_TIMES };
    return { due, next: parsed.calendar.next(time), last };
  }
  const pending = pendingTime(facts, observed, last);
  const next = parsed.calendar.next(since);
  if (pending === undefined) return { due: undefined, next, last };
  if (pending > nowMs) return { due: undefined, later: pending, next: pending, last };
  return { due: { time: pending, isNew: false, isTooManyMissed: false }, next, last };
}

/** The recorded time that waits, unless the schedule has changed since. */
function pendingTime({ status }: Facts, observed: ObservedSchedule, last: number | undefined): number | undefined {
  const pending = instantOf(status.pendingScheduleTime);
  if (pending === undefined || observed !== status.observedSchedule) return undefined;
  return last === undefined || pending > last ? pending : undefined;
}

/** A status may be lost; then the runs tell which times are used. Anybody may write an annotation, so it must fit the name. */
function timesOfRuns({ snapshot: { object, runs }, nowMs }: Facts): readonly number[] {
  return runs.flatMap(({ name, scheduledTime }) => {
    const time = instantOf(scheduledTime);
    return time !== undefined && time <= nowMs && name === runName(object.metadata.name, toTimestamp(time))
      ? [time]
      : [];
  });
}
