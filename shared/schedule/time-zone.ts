/** Time zones of the IANA database, as far as this program's ICU knows them. */
import { toTimestamp } from '../api/time.ts';
import { memoize } from '../memoize.ts';

const UTC = 'UTC';

export interface TimeZone {
  readonly name: string;
  /** Milliseconds that the wall clock is ahead of UTC at an instant. */
  readonly offsetAt: (ms: number) => number;
}

/** Names without a slash exist for backward compatibility only: none will be added. ICU has others, such as `IST`. */
const NAMES_WITHOUT_AREA: ReadonlySet<string> = new Set(
  (
    'CET CST6CDT Cuba EET EST EST5EDT Egypt Eire GB GB-Eire GMT GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel ' +
    'Jamaica Japan Kwajalein Libya MET MST MST7MDT NZ NZ-CHAT Navajo PRC PST8PDT Poland Portugal ROC ROK Singapore Turkey ' +
    'UCT UTC Universal W-SU WET Zulu'
  ).split(' '),
);
const AREAS: ReadonlySet<string> = new Set(
  'Africa America Antarctica Arctic Asia Atlantic Australia Brazil Canada Chile Etc Europe Indian Mexico Pacific US'.split(
    ' ',
  ),
);

/**
 * The zone of a name, UTC without one; undefined if it is none that batch/v1 CronJob takes (pkg/apis/batch/validation
 * validateTimeZone, Go's `time.LoadLocation`). Capitals count, as in file names.
 */
export function findTimeZone(name: string = UTC): TimeZone | undefined {
  if (name === UTC) return { name, offsetAt: () => 0 };
  if (!isSpelledWell(name)) return undefined;
  try {
    return { name, offsetAt: offsetOf(name) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** For people: `2026-03-29T03:30:00+02:00 Europe/Berlin`, and `2026-03-29T01:30:00Z` in UTC. */
export function formatInZone(ms: number, { name, offsetAt }: TimeZone): string {
  if (name === UTC) return toTimestamp(ms);
  const minutes = Math.trunc(offsetAt(ms) / 60_000);
  const size = Math.abs(minutes);
  const offset = `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
  return `${toTimestamp(ms + minutes * 60_000).slice(0, -1)}${offset} ${name}`;
}

const pad = (count: number): string => String(count).padStart(2, '0');

function isSpelledWell(name: string): boolean {
  const [area = '', ...rest] = name.split('/');
  if (rest.length === 0) return NAMES_WITHOUT_AREA.has(name);
  const spelling = spellings().get(name.toLowerCase()) ?? name;
  return AREAS.has(area) && rest.every((part) => /^[A-Z][A-Za-z0-9_+-]*$/.test(part)) && name === spelling;
}

let known: ReadonlyMap<string, string> | undefined;

/** Of the names that ICU lists, which are all but the links. It would find a name in other letters too. */
function spellings(): ReadonlyMap<string, string> {
  known ??= new Map(Intl.supportedValuesOf('timeZone').map((name) => [name.toLowerCase(), name]));
  return known;
}

export const DAY_MS = 24 * 60 * 60 * 1000;

/** The offsets of a day (of UTC) in which the clock is set at most once. */
interface DayOffsets {
  readonly before: number;
  readonly after: number;
  /** From when on `after` holds. */
  readonly change: number;
}

/** In days; a zone needs a few around the present. */
const MAX_CACHED_DAYS = 1000;

/**
 * ICU takes long for an answer, so that it is asked for two instants of a day only, and for some more where they differ.
 * Throws a RangeError for an unknown zone.
 */
const offsetOf = memoize((timeZone: string): ((ms: number) => number) => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  const offsetAt = (ms: number): number => parseOffset(format.format(ms));
  const days = new Map<number, DayOffsets>();
  return (ms) => {
    const day = Math.floor(ms / DAY_MS) * DAY_MS;
    let offsets = days.get(day);
    if (offsets === undefined) {
      offsets = offsetsOfDay(offsetAt, day);
      if (days.size >= MAX_CACHED_DAYS) days.clear();
      days.set(day, offsets);
    }
    return ms < offsets.change ? offsets.before : offsets.after;
  };
});

function offsetsOfDay(offsetAt: (ms: number) => number, day: number): DayOffsets {
  const before = offsetAt(day);
  const after = offsetAt(day + DAY_MS);
  let last = day;
  let change = before === after ? day : day + DAY_MS;
  while (change - last > 1) {
    const middle = Math.floor((last + change) / 2);
    if (offsetAt(middle) === before) last = middle;
    else change = middle;
  }
  return { before, after, change };
}

/** Of `3/29/2026, GMT+02:00`; without figures it is 0. */
function parseOffset(text: string): number {
  const found = /GMT([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text);
  if (found === null) return 0;
  const [, sign, hours, minutes, seconds = 0] = found;
  const ms = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? 0 - ms : ms;
}
