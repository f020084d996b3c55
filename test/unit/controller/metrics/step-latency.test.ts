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
    'is measured from the end of a step to the creation of the next Job',
    () => {
      handoffs.stepEnded('a');
      now += 40;
      handoffs.stepStarted('a');
    },
    [40],
  ],
  ['is not measured for the first Job', () => handoffs.stepStarted('a'), []],
  [
    'is measured once for each end',
    () => {
      handoffs.stepEnded('a');
      handoffs.stepStarted('a');
      now += 40;
      handoffs.stepStarted('a');
    },
    [0],
  ],
  [
    'is measured for each sequence separately',
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
    'is measured from the last of several ends',
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
    'is not measured if a successful reconcile has started no Job',
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
    'an end that is observed during a reconcile is measured by the next one',
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
