/** A second, naive calendar: it asks at every minute what the clock on the wall shows. */

const FIELDS = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'weekday', min: 0, max: 6 },
] as const;

const NAMES = 'sun mon tue wed thu fri sat jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

const toNumber = (text: string): number => {
  const index = NAMES.indexOf(text.toLowerCase());
  return index === -1 ? Number(text) : index < 7 ? index : index - 6;
};

function fits(element: string, value: number, { min, max }: { readonly min: number; readonly max: number }): boolean {
  const [range = '', step] = element.split('/');
  const [low = '', high] = range.split('-');
  const isStar = low === '*' || low === '?';
  const from = isStar ? min : toNumber(low);
  const to = isStar || (step !== undefined && high === undefined) ? max : toNumber(high ?? low);
  return value >= from && value <= to && (value - from) % Number(step ?? 1) === 0;
}

/** With the star that lets the other field of the day decide; `*` + `/2` is none. */
const isStar = (field: readonly string[]): boolean => field.some((element) => /^[*?](\/1)?$/.test(element));

type Reading = readonly number[];

/** Building a format takes long. */
const clocks = new Map<string, (ms: number) => Reading>();

function clockOf(timeZone: string): (ms: number) => Reading {
  const clock = clocks.get(timeZone) ?? newClock(timeZone);
  clocks.set(timeZone, clock);
  return clock;
}

/** Minute, hour, day, month and day of the week. */
function newClock(timeZone: string): (ms: number) => Reading {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    minute: 'numeric',
    hour: 'numeric',
    day: 'numeric',
    month: 'numeric',
    weekday: 'short',
  });
  const readings = new Map<number, Reading>();
  return (ms) => {
    const cached = readings.get(ms);
    if (cached !== undefined) return cached;
    const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
    const reading = FIELDS.map(({ name }) => toNumber(parts[name] ?? ''));
    readings.set(ms, reading);
    return reading;
  };
}

/** Whether the clock of the zone fits the five fields; `schedule` must be valid. */
export function wallClock(schedule: string, timeZone: string): (ms: number) => boolean {
  const fields = schedule.split(' ').map((field) => field.split(','));
  const clock = clockOf(timeZone);
  const areBothRestricted = !isStar(fields[2] ?? []) && !isStar(fields[4] ?? []);
  return (ms) => {
    const shown = clock(ms);
    const fieldFits = (i: number): boolean => {
      const bounds = FIELDS[i] ?? { min: 0, max: 0 };
      return (fields[i] ?? []).some((element) => fits(element, shown[i] ?? -1, bounds));
    };
    const isDate = areBothRestricted ? fieldFits(2) || fieldFits(4) : fieldFits(2) && fieldFits(4);
    return isDate && fieldFits(0) && fieldFits(1) && fieldFits(3);
  };
}

/** The times in (after, until]; both are whole minutes. */
export function scan(fits: (ms: number) => boolean, after: number, until: number): readonly number[] {
  const times: number[] = [];
  for (let ms = after + 60_000; ms <= until; ms += 60_000) if (fits(ms)) times.push(ms);
  return times;
}
