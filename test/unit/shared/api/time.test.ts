import { describe, expect, it } from '@jest/globals';
import { formatSeconds, secondsBetween, toTimestamp } from '../../../../shared/api/time.ts';

it.each([
  [0, '1970-01-01T00:00:00Z'],
  [Date.UTC(2026, 10, 2, 10, 0, 0), '2026-11-02T10:00:00Z'],
  [Date.UTC(2026, 10, 2, 10, 0, 0) + 999, '2026-11-02T10:00:00Z'],
])('toTimestamp(%d) is %s', (ms, expected) => {
  expect(toTimestamp(ms)).toBe(expected);
});

describe('secondsBetween', () => {
  it.each<readonly [string, string | undefined, string | undefined, number | undefined]>([
    ['two times', '2026-11-02T10:00:00Z', '2026-11-02T10:01:30Z', 90],
    ['the same time', '2026-11-02T10:00:00Z', '2026-11-02T10:00:00Z', 0],
    ['an end before the start, by another clock: 0', '2026-11-02T10:00:00Z', '2026-11-02T09:59:58Z', 0],
    ['fractions are rounded', '2026-11-02T10:00:00.000Z', '2026-11-02T10:00:01.600Z', 2],
    ['no start', undefined, '2026-11-02T10:00:00Z', undefined],
    ['an invalid time', 'yesterday', '2026-11-02T10:00:00Z', undefined],
  ])('%s', (_says, from, to, expected) => {
    expect(secondsBetween(from, to)).toBe(expected);
  });
});

it.each([
  [0, '0s'],
  [1, '1s'],
  [59, '59s'],
  [60, '1m'],
  [61, '1m1s'],
  [3599, '59m59s'],
  [3600, '1h'],
  [3601, '1h'],
  [3660, '1h1m'],
  [7265, '2h1m'],
  [86_400, '1d'],
  [90_000, '1d1h'],
  [86_460, '1d'],
  [8_640_000, '100d'],
])('formatSeconds(%d) is %s', (seconds, expected) => {
  expect(formatSeconds(seconds)).toBe(expected);
});
