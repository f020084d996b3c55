/** Values counted without parsing, against those that parsing makes. */
import { describe, expect, it } from '@jest/globals';
import { assert, jsonValue, property } from 'fast-check';
import { hasMoreValues } from '../../../webhook/json-size.ts';

/** All values, those in others included, and the whole. */
function count(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, each) => sum + count(each), 1);
}

/** The number that is counted, found by halving: what there may be without being too many. */
function counted(json: string): number {
  const bytes = Buffer.from(json);
  let [low, high] = [0, bytes.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (hasMoreValues(bytes, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

it.each([
  ['a list', '[1,2,3]', 3],
  ['a list in a list', '{"a":[{}]}', 3],
  ['brackets and commas in a string', '["[,{",2]', 2],
  ['brackets and commas in a key', '{"[,{":2}', 1],
  ['an escaped quote', '["\\",[,",2]', 2],
  ['an escaped backslash before the end of a string', '["\\\\",[2,3]]', 4],
  ['an unterminated string', '["[[[[,,,', 1],
  ['a backslash at the end', '["\\', 1],
])('counts %s', (_what, json, values) => {
  expect(counted(json)).toBe(values);
});

it.each([
  ['of an object', '{"a":1,"b:":{"c":":"}}', 3],
  ['of a list', '[{"a":1},{"a":1},":"]', 2],
])('counts the names %s, too', (_what, json, names) => {
  const bytes = Buffer.from(json);
  expect([names - 1, names].map((most) => hasMoreValues(bytes, bytes.length, most))).toEqual([true, false]);
});

describe('the count', () => {
  it('is never below the real number, not counting the root, and at most twice as high', () => {
    assert(
      property(jsonValue(), (value) => {
        const [values, found] = [count(value), counted(JSON.stringify(value))];
        expect(found).toBeGreaterThanOrEqual(values - 1);
        expect(found).toBeLessThanOrEqual(2 * values);
      }),
    );
  });
});
