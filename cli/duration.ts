/** Durations as kubectl's flags take them (Go's time.ParseDuration, without parts of a millisecond). Pure. */

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const UNIT = /(ms|[smh])/;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ms|[smh]))+$/;

/** `90s`, `1h30m`, `1.5m` in milliseconds; a number alone means seconds. Undefined if it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!WHOLE.test(text)) return undefined;
  // Numbers and units take turns.
  const parts = text.split(UNIT);
  const ms = parts.reduce((sum, part, i) => sum + (i % 2 === 1 ? Number(parts[i - 1]) * (UNIT_MS[part] ?? 0) : 0), 0);
  return Math.round(ms);
}
