/** Bars on a common time axis: which cell shows what. */
import { describe, expect, it } from '@jest/globals';
import { assert, integer, property } from 'fast-check';
import { axisOf, type Cell, cells, type Segment } from '../../../../cli/status/timeline.ts';

const GLYPHS: Readonly<Record<Cell, string>> = { running: '#', failed: 'x', waiting: '.', blank: ' ' };
const segment = (kind: Segment['kind'], from: number, to: number): Segment => ({
  kind,
  from: from * 1000,
  to: to * 1000,
});
const bar = (segments: readonly Segment[], to: number, width: number): string =>
  cells(segments, { from: 0, to: to * 1000 }, width)
    .map((cell) => GLYPHS[cell])
    .join('');

const BARS: readonly (readonly [sentence: string, segments: readonly Segment[], expected: string])[] = [
  ['nothing: blank', [], '          '],
  ['a step that ran all the time', [segment('running', 0, 10)], '##########'],
  ['waiting and running are told apart', [segment('waiting', 0, 4), segment('running', 4, 10)], '....######'],
  [
    'a failed attempt, a wait, another attempt',
    [segment('failed', 0, 3), segment('waiting', 3, 5), segment('running', 5, 8)],
    'xxx..###  ',
  ],
  ['a segment shorter than a cell is shown', [segment('running', 2.1, 2.2)], '  #       '],
  ['one at the very end is shown, too', [segment('running', 10, 10)], '         #'],
  [
    'a short failure is shown in place of waiting',
    [segment('waiting', 0, 10), segment('failed', 4.1, 4.2)],
    '....x.....',
  ],
  ['a short wait gives way to running', [segment('waiting', 0, 0.2), segment('running', 0.2, 10)], '##########'],
  [
    'equal shares of a cell show the failure, and the rest beside it',
    [segment('failed', 0, 0.5), segment('running', 0.5, 1)],
    'x#        ',
  ],
  [
    'what is before and after the axis is at its ends',
    [segment('running', -5, 2), segment('waiting', 9, 20)],
    '##       .',
  ],
];

describe('a bar shows', () => {
  it.each(BARS)('%s', (_sentence, segments, expected) => {
    expect(bar(segments, 10, 10)).toBe(expected);
  });

  it('each step that ran, whatever the times are', () => {
    const time = integer({ min: 0, max: 100_000 });
    assert(
      property(time, time, integer({ min: 1, max: 200 }), (a, b, width) => {
        const one = segment('running', Math.min(a, b), Math.max(a, b));
        const shown = cells([one], { from: 0, to: 100_000_000 }, width);
        expect(shown).toHaveLength(width);
        expect(shown).toContain('running');
      }),
    );
  });
});

describe('the axis', () => {
  it('reaches from the first beginning to the last end', () => {
    expect(axisOf([segment('running', 5, 9), segment('waiting', 2, 6)])).toEqual({ from: 2000, to: 9000 });
  });

  it('is a second long at least', () => {
    expect(axisOf([segment('running', 5, 5)])).toEqual({ from: 5000, to: 6000 });
  });

  it('is none without segments', () => {
    expect(axisOf([])).toBeUndefined();
  });
});
