/** Widths in columns of a terminal. */
import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, integer, property, string } from 'fast-check';
import { fit, loadWidths, pad, widthOf, wrap } from '../../../../cli/status/text-width.ts';

await loadWidths();

describe('the width of', () => {
  it.each([
    ['plain text', 'abc', 3],
    ['wide characters', '数据', 4],
    ['a combined character', 'e\u0301', 1],
    ['an emoji of several code points', '👩‍👩‍👧', 2],
    ['nothing', '', 0],
  ])('%s', (_what, text, expected) => {
    expect(widthOf(text)).toBe(expected);
  });
});

describe('fit', () => {
  it.each([
    ['leaves what fits', 'abc', 3, 'abc'],
    ['cuts what does not, and says so', 'abcd', 3, 'ab…'],
    ['does not split a wide character', '数据库', 4, '数…'],
    ['does not split an emoji of several code points', '👩‍👩‍👧👩‍👩‍👧', 3, '👩‍👩‍👧…'],
    ['of no columns is empty', 'abc', 0, ''],
  ])('%s', (_what, text, width, expected) => {
    expect(fit(text, width)).toBe(expected);
  });
});

it.each([
  ['on the right', 'ab', 'left', 'ab  '],
  ['on the left', 'ab', 'right', '  ab'],
  ['behind a wide character', '数', 'left', '数  '],
] as const)('pad fills %s', (_what, text, align, expected) => {
  expect(pad(text, 4, align)).toBe(expected);
});

describe('wrap', () => {
  it.each([
    ['breaks at blanks', 'aa bb cc', 5, ['aa bb', 'cc']],
    ['breaks a word that is too long', 'aaaaaaa b', 3, ['aaa', 'aaa', 'a b']],
    ['does not break what fits', 'aa bb', 5, ['aa bb']],
    ['keeps a character that is wider than the line', '数据', 1, ['数', '据']],
  ])('%s', (_what, text, width, expected) => {
    expect(wrap(text, width)).toEqual(expected);
  });

  it('loses nothing and exceeds no width', () => {
    assert(
      property(
        string({ unit: constantFrom('a', 'b', ' ', '数', '👍') }),
        integer({ min: 2, max: 20 }),
        (text, width) => {
          const lines = wrap(text, width);
          expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
          expect(lines.every((line) => widthOf(line) <= width)).toBe(true);
        },
      ),
    );
  });
});
