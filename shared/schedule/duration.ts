/** Durations as Go writes them, such as `90m` and `1h30m`: `@every` takes them. */

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 6e10,
  h: 3.6e12,
};

const PART = /^(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/;

const MAX_NANOSECONDS = 2n ** 63n - 1n;
/** Go ignores the digits behind these. */
const FRACTION_DIGITS = 18;

/**
 * The whole seconds of a duration; undefined if Go's `time.ParseDuration` refuses it. robfig/cron ignores the fraction
 * of a second (`Every`).
 */
export function parseDuration(text: string): number | undefined {
  const isNegative = text.startsWith('-');
  const unsigned = isNegative || text.startsWith('+') ? text.slice(1) : text;
  if (unsigned === '0') return 0;
  let nanoseconds = 0n;
  let rest = unsigned;
  do {
    const found = PART.exec(rest);
    if (found === null) return undefined;
    const [part, whole = '', fraction = '', unit = ''] = found;
    if (whole === '' && fraction === '') return undefined;
    nanoseconds += nanosecondsOf(whole, fraction.slice(0, FRACTION_DIGITS), NANOSECONDS[unit] ?? 0);
    if (nanoseconds > MAX_NANOSECONDS) return undefined;
    rest = rest.slice(part.length);
  } while (rest !== '');
  const seconds = Number(nanoseconds / 1_000_000_000n);
  return isNegative ? 0 - seconds : seconds;
}

const nanosecondsOf = (whole: string, fraction: string, unit: number): bigint =>
  BigInt(whole) * BigInt(unit) + BigInt(Math.trunc(Number(fraction) * (unit / 10 ** fraction.length)));
