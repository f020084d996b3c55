import { beforeEach, expect, it } from '@jest/globals';
import { Handoffs } from '../../../../controller/metrics/step-latency.ts';

let now: number;
let seen: number[];
let handoffs: Handoffs;
beforeEach(() => {
  now = 1000;
  seen = [];
  handoffs = new Handoffs({ now: () => now, observe: (ms) => void seen.push(ms) });
});

it.each<readonly [string, () => void, readonly number[]]>([
  [
    'from the end of a step to the next Job',
    () => {
      handoffs.ended('a');
      now += 40;
      handoffs.started('a');
    },
    [40],
  ],
  ['a first Job follows nothing', () => handoffs.started('a'), []],
  [
    'each end counts once',
    () => {
      handoffs.ended('a');
      handoffs.started('a');
      now += 40;
      handoffs.started('a');
    },
    [0],
  ],
  [
    'sequences are told apart',
    () => {
      handoffs.ended('a');
      now += 10;
      handoffs.ended('b');
      now += 10;
      handoffs.started('b');
      handoffs.started('a');
    },
    [10, 20],
  ],
  [
    'of several ends the last counts',
    () => {
      handoffs.ended('a');
      now += 60_000;
      handoffs.ended('a');
      now += 30;
      handoffs.started('a');
    },
    [30],
  ],
  [
    'what a good visit did not start is not due',
    () => {
      handoffs.ended('a');
      now += 10;
      handoffs.settled('a', now);
      now += 60_000;
      handoffs.started('a');
    },
    [],
  ],
  [
    'an end that came during the visit is the next visit’s',
    () => {
      const since = now;
      now += 10;
      handoffs.ended('a');
      now += 10;
      handoffs.settled('a', since);
      now += 10;
      handoffs.started('a');
    },
    [20],
  ],
])('%s', (_says, act, expected) => {
  act();
  expect(seen).toEqual(expected);
});
