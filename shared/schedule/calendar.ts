/** When a schedule's times come: pure, and with bounded work for every expression. */
import { memoize } from '../memoize.ts';
import { parseExpression, type Expression } from './expression.ts';
import { ExpressionError, type CronFields } from './fields.ts';
import { DAY_MS, findTimeZone, type TimeZone } from './time-zone.ts';
import { wallTimes } from './wall-times.ts';

/** Where the count of missed times ends; batch/v1 CronJob warns beyond a hundred. */
export const MAX_COUNTED_TIMES = 101;

export interface MissedTimes {
  /** The newest. */
  readonly time: number | undefined;
  /** How many there are, counted to MAX_COUNTED_TIMES. */
  readonly count: number;
}

/** The end of the year 9999: RFC 3339 has no later times. */
const MAX_TIME = Date.UTC(10_000, 0, 1) - 1;

/** In milliseconds since the epoch. Every time is a whole second, and a minute at least after the one before. */
export interface Calendar {
  /**
   * The first time after an instant; undefined if none ever comes (`0 0 31 2 *`). That of `@every` is that much later
   * than the instant: count it from a time of the schedule.
   */
  readonly next: (after: number) => number | undefined;
  /** Of the times after `after`, until `until` inclusive. */
  readonly missed: (after: number, until: number) => MissedTimes;
}

export type ParsedSchedule =
  | { readonly ok: true; readonly calendar: Calendar; readonly timeZone: TimeZone }
  | { readonly ok: false; readonly field: 'schedule' | 'timeZone'; readonly message: string };

/**
 * The calendar of a schedule with the semantics of batch/v1 CronJob, but in UTC without a zone: a CronJob then uses that
 * of its controller manager. Never throws.
 *
 * A time comes whenever the wall clock of the zone shows it: never in the hour that is skipped in spring, twice in the
 * hour that is repeated in autumn.
 */
export const parseSchedule = (schedule: string, timeZone: string | undefined): ParsedSchedule =>
  parsed(JSON.stringify([schedule, timeZone]));

const parsed = memoize((key: string): ParsedSchedule => {
  const [schedule, name] = JSON.parse(key) as [string, string | null];
  const timeZone = findTimeZone(name ?? undefined);
  try {
    const expression = parseExpression(schedule);
    return timeZone === undefined
      ? {
          ok: false,
          field: 'timeZone',
          message: 'must be a name of the IANA time zone database, such as Europe/Berlin',
        }
      : { ok: true, calendar: calendarOf(expression, timeZone), timeZone };
  } catch (error) {
    if (error instanceof ExpressionError) return { ok: false, field: 'schedule', message: error.message };
    throw error;
  }
});

function calendarOf(expression: Expression, zone: TimeZone): Calendar {
  if (expression.type === 'interval') return intervalCalendar(expression.seconds * 1000);
  const next = (after: number): number | undefined =>
    upToMaxTime(after) === undefined ? undefined : upToMaxTime(nextTime(expression.fields, zone, after) ?? Number.NaN);
  return { next, missed: (after, until) => missedTimes(next, after, until) };
}

/** robfig/cron's ConstantDelaySchedule: the fraction of the second is dropped. */
function intervalCalendar(interval: number): Calendar {
  return {
    next: (after) => upToMaxTime(wholeSecond(after) + interval),
    missed: (after, until) => {
      const count = Math.max(0, Math.floor((until - wholeSecond(after)) / interval));
      if (count === 0) return { time: undefined, count };
      return { time: wholeSecond(after) + count * interval, count: Math.min(count, MAX_COUNTED_TIMES) };
    },
  };
}

/** Undefined for NaN too. */
const upToMaxTime = (ms: number): number | undefined => (Math.abs(ms) <= MAX_TIME ? ms : undefined);

const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;

function nextTime(fields: CronFields, zone: TimeZone, after: number): number | undefined {
  let first: number | undefined;
  // Where the clock is set back within a day, it shows earlier times again.
  const from = after + Math.min(zone.offsetAt(after), zone.offsetAt(after + DAY_MS));
  for (const wall of wallTimes(fields, from)) {
    const offsets = offsetsAround(zone, wall);
    if (first !== undefined && wall - Math.max(...offsets) >= first) return first;
    for (const offset of offsets) {
      const instant = wall - offset;
      const isEarlier = instant > after && (first === undefined || instant < first);
      if (isEarlier && zone.offsetAt(instant) === offset) first = instant;
    }
  }
  return first;
}

/** Instants differ from the wall clock by less than a day, and no zone has ever set its clock twice within two days. */
function offsetsAround(zone: TimeZone, wall: number): readonly number[] {
  const before = zone.offsetAt(wall - DAY_MS);
  const after = zone.offsetAt(wall + DAY_MS);
  return before === after ? [before] : [before, after];
}

function missedTimes(next: Calendar['next'], after: number, until: number): MissedTimes {
  let newest = after;
  for (let count = 0; count < MAX_COUNTED_TIMES; count++) {
    const time = next(newest);
    if (time === undefined || time > until) return { time: count === 0 ? undefined : newest, count };
    newest = time;
  }
  return { time: newestTime(next, newest, until), count: MAX_COUNTED_TIMES };
}

/** By bisection: `oldest` is a time, and after `end` comes none until `until`. */
function newestTime(next: Calendar['next'], oldest: number, until: number): number {
  let newest = oldest;
  let end = until;
  while (end - newest > 1) {
    const middle = Math.floor((newest + end) / 2);
    const time = next(middle);
    if (time !== undefined && time <= until) newest = time;
    else end = middle;
  }
  return newest;
}
