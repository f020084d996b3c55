import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_COUNTED_TIMES, parseSchedule, type Calendar } from '../../../../shared/schedule/calendar.ts';
import { scan, wallClock } from '../../../support/wall-clock.ts';

function calendarOf(schedule: string, zone?: string): Calendar {
  const parsed = parseSchedule(schedule, zone);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.calendar;
}

const at = (time: string): number => Date.parse(time);
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : new Date(ms).toISOString());

function timesBetween({ next }: Calendar, after: number, until: number): readonly number[] {
  const times: number[] = [];
  for (let time = next(after); time !== undefined && time <= until; time = next(time)) times.push(time);
  return times;
}

/** Instants at which some clock was set, and one at which none was. */
const CHANGES: readonly (readonly [string, string])[] = [
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['Australia/Lord_Howe', '2025-10-04T15:30:00Z'],
  ['Australia/Lord_Howe', '2025-04-05T15:00:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z'],
  ['Africa/Cairo', '2025-04-24T22:00:00Z'],
  ['Africa/Casablanca', '2022-03-27T02:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['Antarctica/Troll', '2025-03-30T01:00:00Z'],
  ['Asia/Kathmandu', '2026-01-01T00:00:00Z'],
];

const number = (min: number, max: number) => fc.integer({ min, max });
const element = (min: number, max: number) =>
  fc.oneof(
    number(min, max).map(String),
    fc.tuple(number(min, max), number(min, max)).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    fc.tuple(number(min, max), number(2, max)).map(([a, step]) => `${a}/${step}`),
    number(1, max).map((step) => `*/${step}`),
    fc.constantFrom('*', '?'),
  );
const field = (min: number, max: number) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: fc.array(element(min, max), { minLength: 1, maxLength: 3 }).map((all) => all.join(',')) },
  );
const schedules = fc
  .tuple(field(0, 59), fc.oneof(fc.constant('*'), field(0, 3), field(0, 23)), field(1, 31), field(1, 12), field(0, 6))
  .map((fields) => fields.join(' '));

const HOUR = 3_600_000;

it('shows the same times as a clock that is looked at every minute, around every change of a clock', () => {
  let found = 0;
  fc.assert(
    fc.property(schedules, fc.constantFrom(...CHANGES), number(-40 * 60, 10 * 60), (text, [zone, change], minutes) => {
      const after = at(change) + minutes * 60_000;
      const until = after + 36 * HOUR;
      const expected = scan(wallClock(text, zone), after, until);
      found += expected.length;
      const calendar = calendarOf(text, zone);
      expect(timesBetween(calendar, after, until).map(iso)).toEqual(expected.map(iso));
      const count = Math.min(expected.length, MAX_COUNTED_TIMES);
      expect(calendar.missed(after, until)).toEqual({ time: expected.at(-1), count });
    }),
    { numRuns: 150 },
  );
  expect(found).toBeGreaterThan(500);
}, 120_000);

describe('a day on which the clock is set', () => {
  it.each<readonly [string, string, string, string, readonly string[]]>([
    [
      'a time that is skipped in spring does not come that day',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      ['2026-03-30T00:30:00.000Z', '2026-03-31T00:30:00.000Z'],
    ],
    [
      'a time that is repeated in autumn comes twice',
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-24T12:00:00Z',
      ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z'],
    ],
    [
      'every hour is every hour',
      '0 * * * *',
      'Europe/Berlin',
      '2026-03-29T00:00:00Z',
      ['2026-03-29T01:00:00.000Z', '2026-03-29T02:00:00.000Z'],
    ],
    [
      'a change by half an hour skips half past two',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2025-10-04T00:00:00Z',
      ['2025-10-05T15:15:00.000Z', '2025-10-06T15:15:00.000Z'],
    ],
    [
      'what CronJob loses behind it comes',
      '15 3 * * *',
      'Australia/Lord_Howe',
      '2025-10-04T00:00:00Z',
      ['2025-10-04T16:15:00.000Z', '2025-10-05T16:15:00.000Z'],
    ],
    [
      'a day that begins at one has its other times',
      '0 9 * * 5',
      'Africa/Cairo',
      '2025-04-23T00:00:00Z',
      ['2025-04-25T06:00:00.000Z', '2025-05-02T06:00:00.000Z'],
    ],
    [
      'a day that is skipped has no times',
      '0 12 * * *',
      'Pacific/Apia',
      '2011-12-29T12:00:00Z',
      ['2011-12-29T22:00:00.000Z', '2011-12-30T22:00:00.000Z'],
    ],
  ])('%s', (...[, schedule, zone, after, expected]) => {
    const { next } = calendarOf(schedule, zone);
    const first = next(at(after)) ?? 0;
    expect([iso(first), iso(next(first))]).toEqual(expected);
  });
});

describe('next', () => {
  it.each<readonly [string, string, string, string | undefined]>([
    ['is after the instant, not at it', '0 0 * * *', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.000Z'],
    ['is at most a minute away from within one', '* * * * *', '2026-01-01T00:00:59.999Z', '2026-01-01T00:01:00.000Z'],
    ['finds the leap day eight years away', '0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00:00.000Z'],
    ['2000 was a leap year', '0 0 29 2 *', '1999-03-01T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    ['is undefined for a day that no month has', '* * 31 2,4,6,9,11 *', '2026-01-01T00:00:00Z', undefined],
    ['counts an interval from the instant', '@every 90m', '2026-01-01T00:10:00Z', '2026-01-01T01:40:00.000Z'],
    ['drops the fraction of a second', '@every 1m', '2026-01-01T00:10:00.999Z', '2026-01-01T00:11:00.000Z'],
    ['ends with the year 9999', '@yearly', '9999-01-01T00:00:00Z', undefined],
    ['also for an interval', '@every 9000h', '9999-06-01T00:00:00Z', undefined],
  ])('%s', (_says, schedule, after, expected) => {
    expect(iso(calendarOf(schedule).next(at(after)))).toBe(expected);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 8.64e15, -8.64e15, Number.MAX_SAFE_INTEGER])(
    'is undefined after %d, which no clock shows',
    (after) => {
      expect(calendarOf('* * * * *', 'Europe/Berlin').next(after)).toBeUndefined();
      expect(calendarOf('@every 1h').next(after)).toBeUndefined();
    },
  );
});

describe('missed', () => {
  it.each<readonly [string, string, string, string, number, string | undefined]>([
    ['none', '0 0 * * *', '2026-01-01T00:00:00Z', '2026-01-01T23:59:59Z', 0, undefined],
    [
      'one, at the very end',
      '0 0 * * *',
      '2026-01-01T00:00:00Z',
      '2026-01-02T00:00:00Z',
      1,
      '2026-01-02T00:00:00.000Z',
    ],
    ['a hundred', '* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T01:40:59Z', 100, '2026-01-01T01:40:00.000Z'],
    [
      'more: the newest is found',
      '* * * * *',
      '2026-01-01T00:00:00Z',
      '2026-06-01T12:00:00Z',
      101,
      '2026-06-01T12:00:00.000Z',
    ],
    [
      'the newest of many is long ago',
      '* * 1 1 *',
      '2026-01-01T00:00:00Z',
      '2026-12-31T23:59:00Z',
      101,
      '2026-01-01T23:59:00.000Z',
    ],
    [
      'an interval stays where it began',
      '@every 7m',
      '2026-01-01T00:00:00Z',
      '2026-01-02T00:00:00Z',
      101,
      '2026-01-01T23:55:00.000Z',
    ],
    ['an interval that is not over', '@every 7m', '2026-01-01T00:00:00Z', '2026-01-01T00:06:59Z', 0, undefined],
    ['a clock that was set back', '@every 7m', '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', 0, undefined],
    ['a clock that was set back, by fields', '* * * * *', '2026-01-02T00:00:00Z', '2026-01-01T00:00:00Z', 0, undefined],
  ])('%s', (...[, schedule, after, until, count, time]) => {
    const missed = calendarOf(schedule).missed(at(after), at(until));
    expect([missed.count, iso(missed.time)]).toEqual([count, time]);
  });
});

describe('what is refused', () => {
  it.each<readonly [string, string, string | undefined, string, string]>([
    [
      'seconds',
      '0 * * * * *',
      undefined,
      'schedule',
      'must have 5 fields (minute, hour, day of month, month, day of week), found 6',
    ],
    [
      'a zone in the schedule',
      'TZ=UTC 0 * * * *',
      undefined,
      'schedule',
      'cannot use TZ or CRON_TZ in schedule, use timeZone instead',
    ],
    ['Sunday as 7', '0 0 * * 7', undefined, 'schedule', 'the day of week "7" must be from 0 to 6'],
    ['a reversed range', '0 22-2 * * *', undefined, 'schedule', 'the hour "22-2" ends before it begins'],
    ['a step of 0', '*/0 * * * *', undefined, 'schedule', 'the minute "*/0" has a step of 0'],
    ['two steps', '*/2/3 * * * *', undefined, 'schedule', 'the minute "*/2/3" has more than one slash'],
    ['two hyphens', '1-2-3 * * * *', undefined, 'schedule', 'the minute "1-2-3" has more than one hyphen'],
    ['the last day', '0 0 L * *', undefined, 'schedule', 'the day of month "L" has "L" where a number must be'],
    [
      'the second Friday',
      '0 0 * * 5#2',
      undefined,
      'schedule',
      'the day of week "5#2" has "5#2" where a number or a name must be',
    ],
    ['a field of none', ', * * * *', undefined, 'schedule', 'the minute "," has no value'],
    ['an interval under a minute', '@every 59s', undefined, 'schedule', '@every must be at least 1m'],
    ['no duration', '@every 1d', undefined, 'schedule', '"1d" is no duration, such as 90m or 1h30m'],
    [
      'another word',
      '@reboot',
      undefined,
      'schedule',
      'must be one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every <duration>',
    ],
    [
      'a name of Object',
      '@constructor',
      undefined,
      'schedule',
      'must be one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and @every <duration>',
    ],
    ['a book', `${'1,'.repeat(600)}1 * * * *`, undefined, 'schedule', 'must have at most 1024 characters'],
    [
      'an unknown zone',
      '@daily',
      'Europe/Atlantis',
      'timeZone',
      'must be a name of the IANA time zone database, such as Europe/Berlin',
    ],
  ])('%s', (...[, schedule, zone, field, message]) => {
    expect(parseSchedule(schedule, zone)).toEqual({ ok: false, field, message });
  });

  it('anything else than a schedule, without an exception', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.option(fc.string(), { nil: undefined }),
        (text, zone) => {
          const parsed = parseSchedule(text, zone);
          expect(parsed.ok || parsed.message !== '').toBe(true);
        },
      ),
    );
  });

  it('but a list of a thousand characters is read', () => {
    expect(parseSchedule(`${'1,'.repeat(500)}2 * * * *`, undefined).ok).toBe(true);
  });
});
