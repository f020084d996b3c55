/** The calendar against robfig/cron and Go: see test/fixtures/schedule/main.go, which prints the data. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseSchedule, type Calendar } from '../../../../shared/schedule/calendar.ts';
import { findTimeZone } from '../../../../shared/schedule/time-zone.ts';

/** In seconds. */
interface TimesOf {
  readonly schedule: string;
  readonly zone: string;
  readonly after: number;
  /** Of robfig/cron. */
  readonly times: readonly number[];
  readonly hangs?: boolean;
  /** Every minute that fits on Go's clock, where robfig/cron leaves some out. */
  readonly wallClock?: readonly number[];
}

interface Validity {
  readonly text: string;
  readonly ok: boolean;
}

const oracle = JSON.parse(
  readFileSync(new URL('../../../fixtures/schedule/oracle.json', import.meta.url), 'utf8'),
) as Readonly<{
  times: readonly TimesOf[];
  expressions: readonly Validity[];
  shortIntervals: readonly Validity[];
  zones: readonly Validity[];
}>;

function calendarOf(schedule: string, zone: string): Calendar {
  const parsed = parseSchedule(schedule, zone);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.calendar;
}

function* timesAfter({ next }: Calendar, after: number): Generator<number> {
  for (let time = next(after); time !== undefined; time = next(time)) yield time;
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOfSeconds = (seconds: number): string => iso(seconds * 1000);

/** Where robfig/cron finds other times than those that the clock shows; which ones, depends on where it begins. */
const FLAWS: Readonly<Record<string, string>> = {
  'Africa/Cairo': 'a day that begins at 1:00 is left out',
  'America/St_Johns': 'around the day on which the clock was set back at 0:01, the same time comes forever',
  'Australia/Lord_Howe': 'after a change by half an hour, hours are tried at half past',
  'Pacific/Apia': 'the search for a day of the week never ends behind a day that was left out',
};

/** robfig/cron looks five years ahead. */
const isLeapYearGap = ({ schedule }: TimesOf): boolean => schedule === '0 0 29 2 *';

describe('the first times after an instant', () => {
  it('has data', () => {
    expect(oracle.times.length).toBeGreaterThan(500);
  });

  it.each(oracle.times.map((row) => [row.schedule, row.zone, isoOfSeconds(row.after), row] as const))(
    '%s in %s after %s',
    (_schedule, _zone, _after, row) => {
      const expected = row.wallClock ?? row.times;
      const times = timesAfter(calendarOf(row.schedule, row.zone), row.after * 1000);
      expect([...times.take(Math.max(1, expected.length))].map(iso)).toEqual(expected.map(isoOfSeconds));
    },
  );
});

describe('robfig/cron', () => {
  const differs = oracle.times.filter((row) => row.wallClock !== undefined && !isLeapYearGap(row));

  it('finds the times that the clock shows, but in the zones that are known for a flaw', () => {
    expect([...new Set(differs.map((row) => row.zone))].toSorted()).toEqual(Object.keys(FLAWS));
  });

  it('does so on most rows', () => {
    expect(differs.length).toBeLessThan(oracle.times.length / 10);
  });
});

describe('expressions that batch/v1 CronJob takes', () => {
  it.each(oracle.expressions.map(({ text, ok }) => [JSON.stringify(text), ok, text] as const))(
    '%s: %s',
    (_shown, ok, text) => {
      expect(parseSchedule(text, undefined).ok).toBe(ok);
    },
  );

  it.each(oracle.shortIntervals.map(({ text }) => text))('but intervals under a minute are refused: %s', (text) => {
    expect(parseSchedule(text, undefined)).toMatchObject({ ok: false, field: 'schedule' });
  });
});

describe('zones that batch/v1 CronJob takes', () => {
  it.each(oracle.zones.map(({ text, ok }) => [JSON.stringify(text), ok, text] as const))(
    '%s: %s',
    (_shown, ok, text) => {
      expect(findTimeZone(text) !== undefined).toBe(ok);
    },
  );

  it('a link in other capitals is taken too: ICU does not list the links', () => {
    expect(findTimeZone('Asia/KOLKATA')).toBeDefined();
  });
});
