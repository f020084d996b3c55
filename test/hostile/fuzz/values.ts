/** Values that programs trip over, for any place in a review. */
import * as fc from 'fast-check';
import { writtenPatterns } from '../patterns/collect.ts';
import type { Dice } from './dice.ts';

const NUMBERS: readonly unknown[] = [
  0,
  -0,
  -1,
  1,
  1.5,
  -1.5,
  20,
  255,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  -(2 ** 63),
  1e21,
  1e99,
  1e308,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
];

const QUANTITIES: readonly string[] = [
  '0',
  '1',
  '-1',
  '+1',
  '1e99999',
  '-1e99999',
  '1e-99999',
  '1E+308',
  '0.0000000001',
  '.',
  '.5',
  '5.',
  '1..5',
  '1Ki',
  '-1Gi',
  '9223372036854775807Ei',
  '1e',
  '1e+',
  '1ee5',
  'Gi',
  '1kk',
  '1 Gi',
  '٣',
  '0x10',
  '1_000',
  'NaN',
  'Infinity',
  '-Infinity',
  '1'.repeat(128),
  '1'.repeat(129),
  `0.${'9'.repeat(126)}`,
  `1e${'9'.repeat(100)}`,
];

const NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  'get',
  'set',
  '$ref',
  '',
  ' ',
  '.',
  '..',
  '/',
  '~0',
  '~1',
  '~',
  '[0]',
  '-',
  '0',
  '-1',
  'null',
  'undefined',
  'spec.containers[0]',
  'a/b',
  'a\\b',
  "a'b",
  'a"b',
];

const TEXTS: readonly string[] = [
  '\u0000',
  'a\u0000b',
  '\uD800',
  '\uDFFF',
  'a\uDC00\uD800',
  '\uFEFF',
  '\uFFFF',
  '\u2028\u2029',
  '\u202E',
  '🙂',
  'é',
  'e\u0301',
  'ﬃ',
  'İ',
  'ı',
  'ß',
  '\r\n',
  '\u001B[31m',
  '%s%n%x',
  '${jndi:ldap://x}',
  '../../../etc/passwd',
  '/proc/self/environ',
  '<script>',
  "'; --",
  '{{7*7}}',
  '$(id)',
  'Error: x\n    at f (/a/b.ts:1:2)',
  '2026-11-02T10:00:00Z',
  '2026-02-30T99:99:99Z',
  '0000-00-00T00:00:00Z',
  'CREATE',
  'UPDATE',
  'Always',
  'Never',
  'OnFailure',
  'FutureSteps',
  'Immutable',
  'latest',
  'busybox',
  'a@sha256:0',
  `a@sha256:${'0'.repeat(64)}`,
  '[::1]:5000/a',
  'localhost/a',
  "metadata.labels['x']",
  "metadata.annotations['']",
  'limits.cpu',
  'requests.hugepages-2Mi',
  '255.255.255.255',
  '::ffff:1.2.3.4',
  '1::2::3',
];

/** Texts that the program's own patterns take, and so get past them; drawn once. */
const MATCHING: readonly string[] = writtenPatterns().flatMap(({ regexp }) => matching(regexp));

function matching({ source, flags }: RegExp): readonly string[] {
  try {
    return fc.sample(fc.stringMatching(new RegExp(source, flags.replaceAll(/[gi]/g, ''))), { numRuns: 6, seed: 1 });
  } catch {
    // A pattern with a look-behind, which the generator does not know.
    return [];
  }
}

const PUMPS = ['a', 'a.', '-', '0', '1.', '/', 'é', '\u0000', '🙂', '\uD800', '"', '\\', 'a/', '~', '['];

/** A key of an object: one that means something to JavaScript, or any text. */
export const oddName = (dice: Dice): string => (dice.oneIn(3) ? oddText(dice) : dice.pick(NAMES));

export function oddText(dice: Dice): string {
  switch (dice.below(6)) {
    case 0:
      return dice.pick(NAMES);
    case 1:
      return dice.pick(QUANTITIES);
    case 2:
      return dice.pick(TEXTS);
    case 3:
      return dice.pick(PUMPS).repeat(lengthOf(dice));
    default:
      return dice.pick(MATCHING);
  }
}

/** Around the limits of names mostly; once in five hundred texts that fill a body. */
const lengthOf = (dice: Dice): number =>
  dice.oneIn(500)
    ? dice.pick([100_000, 1_000_000])
    : dice.pick([1, 15, 16, 62, 63, 64, 128, 253, 254, 255, 256, 257, 1024, 1025, 5_000]);

/** Any value but a large one. */
export function oddValue(dice: Dice): unknown {
  switch (dice.below(8)) {
    case 0:
      return dice.pick(NUMBERS);
    case 1:
      return dice.pick([null, true, false]);
    case 2:
      return dice.pick([[], [[]], [null], [{}], ['']]);
    case 3:
      return JSON.parse(`{${JSON.stringify(oddName(dice))}:${JSON.stringify(dice.pick(NUMBERS))}}`);
    case 4:
      return JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    default:
      return oddText(dice);
  }
}
