/** The times of cron fields on a wall clock. As milliseconds since the epoch as if the clock showed UTC. */
import type { CronFields } from './fields.ts';
import { DAY_MS } from './time-zone.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** 29 February may be eight years away, around 2100; nothing that comes at all is further. */
const HORIZON = 9 * 366 * DAY_MS;

/** Ascending, from `from` on; ends where nothing can come any more. */
export function* wallTimes(fields: CronFields, from: number): Generator<number, undefined> {
  let day = Math.floor(from / DAY_MS) * DAY_MS;
  while (day <= from + HORIZON) {
    const date = new Date(day);
    if (!fields.months.has(date.getUTCMonth() + 1)) {
      day = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
      continue;
    }
    if (isDayOf(fields, date)) yield* timesOfDay(fields, day, from);
    day += DAY_MS;
  }
}

function isDayOf({ daysOfMonth, daysOfWeek, isEitherDayEnough }: CronFields, date: Date): boolean {
  const isDayOfMonth = daysOfMonth.has(date.getUTCDate());
  const isDayOfWeek = daysOfWeek.has(date.getUTCDay());
  return isEitherDayEnough ? isDayOfMonth || isDayOfWeek : isDayOfMonth && isDayOfWeek;
}

function* timesOfDay({ hours, minutes }: CronFields, day: number, from: number): Generator<number, undefined> {
  for (const hour of hours) {
    if (day + (hour + 1) * HOUR <= from) continue;
    for (const minute of minutes) {
      const time = day + hour * HOUR + minute * MINUTE;
      if (time >= from) yield time;
    }
  }
}
