/** Durations as kubectl's flags take them. */
import { expect, it } from '@jest/globals';
import { parseDuration } from '../../../cli/duration.ts';

it.each([
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['1.5m', 90_000],
  ['250ms', 250],
  ['0', 0],
  ['30', 30_000],
  ['', undefined],
  ['soon', undefined],
  ['5', 5000],
  ['5m ', undefined],
  ['-5m', undefined],
  ['m5', undefined],
  ['1d', undefined],
])('"%s" are %s ms', (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});
