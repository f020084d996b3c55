import { beforeEach, expect, it } from '@jest/globals';
import { StepLatencyTracker } from '../../../../controller/metrics/step-latency.ts';

let now: number;
let seen: number[];
let handoffs: StepLatencyTracker;
beforeEach(() => {
  now = 1000;
  seen = [];
  handoffs = new StepLatencyTracker({ now: () => now, observe: (ms) => void seen.push(ms) });
});

it.each<readonly [string, () => void, readonly number[]]>([
  [
    'from the end of a step to the next Job',
    () => {
      handoffs.stepEnded('a');
      now += 40;
      handoffs.stepStarted('a');
    },
    [40],
  ],
  ['a first Job follows nothing', () => handoffs.stepStarted('a'), []],
  [
    'each end counts once',
    () => {
      handoffs.stepEnded('a');
      handoffs.stepStarted('a');
      now += 40;
      handoffs.stepStarted('a');
    },
    [0],
  ],
  [
    'sequences are told apart',
    () => {
      handoffs.stepEnded('a');
      now += 10;
      handoffs.stepEnded('b');
      now += 10;
      handoffs.stepStarted('b');
      handoffs.stepStarted('a');
    },
    [10, 20],
  ],
  [
    'of several ends the last counts',
    () => {
      handoffs.stepEnded('a');
      now += 60_000;
      handoffs.stepEnded('a');
      now += 30;
      handoffs.stepStarted('a');
    },
    [30],
  ],
  [
    'what a good reconcile did not start is not due',
    () => {
      handoffs.stepEnded('a');
      now += 10;
      handoffs.reconciled('a', now);
      now += 60_000;
      handoffs.stepStarted('a');
    },
    [],
  ],
  [
    'an end that came during the reconcile is the next reconcile’s',
    () => {
      const since = now;
      now += 10;
      handoffs.stepEnded('a');
      now += 10;
      handoffs.reconciled('a', since);
      now += 10;
      handoffs.stepStarted('a');
    },
    [20],
  ],
])('%s', (_says, act, expected) => {
  act();
  expect(seen).toEqual(expected);
});
