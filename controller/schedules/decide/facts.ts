/** What every part of a decision looks at. */
import { type WithScheduleDefaults, withScheduleDefaults } from '../../../shared/api/schedule-defaults.ts';
import type { CronSequentialJobStatus, SchedulePolicy } from '../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import { parseSchedule, type ParsedSchedule } from '../../../shared/schedule/calendar.ts';
import { findTimeZone, formatInZone, type TimeZone } from '../../../shared/schedule/time-zone.ts';
import type { ScheduleSnapshot } from './types.ts';

export type Policy = WithScheduleDefaults<SchedulePolicy>;

export interface Facts {
  readonly snapshot: ScheduleSnapshot;
  readonly policy: Policy;
  /** As it is recorded. */
  readonly status: CronSequentialJobStatus;
  readonly parsed: ParsedSchedule;
  readonly nowMs: number;
  readonly now: string;
  /** For messages; UTC if the zone is unknown. */
  readonly zone: TimeZone;
}

const UTC: TimeZone = { name: 'UTC', offsetAt: () => 0 };

export function factsOf(snapshot: ScheduleSnapshot, nowMs: number): Facts {
  const { spec, status = {} } = snapshot.object;
  const { schedule, timeZone } = spec;
  return {
    snapshot,
    policy: withScheduleDefaults(spec),
    status,
    parsed: parseSchedule(schedule, timeZone),
    nowMs,
    now: toTimestamp(nowMs),
    zone: findTimeZone(timeZone) ?? UTC,
  };
}

/** The end of the year 9999: a later time could not be written. */
const MAX_INSTANT = Date.UTC(10_000, 0, 1) - 1;

/** Of a status that anybody may have written: undefined if it is absent or no time since 1970. */
export function instantOf(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return ms >= 0 && ms <= MAX_INSTANT ? ms : undefined;
}

/** The greatest of those that are known. */
export function latest(...instants: readonly (number | undefined)[]): number | undefined {
  return instants.reduce((a, b) => (a === undefined ? b : b === undefined ? a : Math.max(a, b)), undefined);
}

/** The least of those that are known. */
export function earliest(...instants: readonly (number | undefined)[]): number | undefined {
  return instants.reduce((a, b) => (a === undefined ? b : b === undefined ? a : Math.min(a, b)), undefined);
}

/** From when on no run may start for a time any more; `Infinity` without a deadline. At the deadline itself one may. */
export function lateFrom({ policy: { startingDeadlineSeconds } }: Facts, time: number): number {
  return startingDeadlineSeconds === undefined ? Number.POSITIVE_INFINITY : time + startingDeadlineSeconds * 1000 + 1;
}

export const isLate = (facts: Facts, time: number): boolean => facts.nowMs >= lateFrom(facts, time);

export const shown = (facts: Facts, time: number): string => formatInZone(time, facts.zone);
