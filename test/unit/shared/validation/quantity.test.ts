import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseQuantity } from '../../../../shared/validation/quantity.ts';

const FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const UNIT = 10n ** 9n;
const LARGEST = (2n ** 63n - 1n) * UNIT;

test.each<readonly [string | number, bigint]>([
  [0, 0n],
  [3, 3n * UNIT],
  ['1', UNIT],
  ['+1', UNIT],
  ['-1', -UNIT],
  ['0.5', UNIT / 2n],
  ['.5', UNIT / 2n],
  ['5.', 5n * UNIT],
  ['100m', UNIT / 10n],
  ['1u', 1000n],
  ['1n', 1n],
  ['0.1n', 1n],
  ['-0.1n', -1n],
  ['1k', 1000n * UNIT],
  ['1M', 10n ** 6n * UNIT],
  ['1E', 10n ** 18n * UNIT],
  ['1e3', 1000n * UNIT],
  ['1E3', 1000n * UNIT],
  ['1e-3', UNIT / 1000n],
  ['1Ki', 1024n * UNIT],
  ['1.5Gi', 1536n * 2n ** 20n * UNIT],
  ['1Ei', 2n ** 60n * UNIT],
  ['10E', 10n ** 19n * UNIT],
  ['10Ei', LARGEST],
  ['1e999999999', 10n ** 200n * UNIT],
  ['1e-999999999', 1n],
  ['0e999999999', 0n],
])('%p is read exactly', (text, nano) => expect(parseQuantity(text)).toEqual({ nano }));

test.each([
  ['', FORMAT],
  ['.', FORMAT],
  ['-', FORMAT],
  ['a', FORMAT],
  ['Gi', FORMAT],
  ['1 ', FORMAT],
  ['1Gb', FORMAT],
  ['0x10', FORMAT],
  ['1Kim', "unable to parse quantity's suffix"],
  ['1K', "unable to parse quantity's suffix"],
  ['1e', "unable to parse quantity's suffix"],
  ['1.2.3', "unable to parse quantity's suffix"],
  ['1'.repeat(1_000_000), FORMAT],
])('%p is rejected', (text, problem) => expect(parseQuantity(text)).toEqual({ problem }));

test('property: milli-units, units and powers of two are consistent', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 6 }), (n) => {
      expect(parseQuantity(`${n * 1000}m`)).toEqual(parseQuantity(n));
      expect(parseQuantity(`${n * 1024}`)).toEqual(parseQuantity(`${n}Ki`));
      expect(parseQuantity(`${n}e3`)).toEqual(parseQuantity(`${n}k`));
    }),
  );
});
