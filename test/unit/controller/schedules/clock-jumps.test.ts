import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { ClockJumps } from '../../../../controller/schedules/clock-jumps.ts';

let offset: number;
let jumps: number;
let clock: ClockJumps;

beforeEach(() => {
  jest.useFakeTimers();
  [offset, jumps] = [0, 0];
  clock = new ClockJumps({
    now: () => Date.now() + offset,
    monotonic: () => performance.now(),
    onJump: () => void jumps++,
  });
  clock.start();
});

afterEach(() => {
  clock.stop();
  jest.useRealTimers();
});

it.each<readonly [string, number, number]>([
  ['set forward is a jump', 3_600_000, 1],
  ['set back is a jump', -5_000, 1],
  ['that is slewed is none', 5, 0],
])('a clock that is %s', (_says, by, expected) => {
  offset += by;
  jest.advanceTimersByTime(60_000);
  expect(jumps).toBe(expected);
});

it('each jump is seen once, within ten seconds', () => {
  for (let i = 1; i <= 3; i++) {
    offset += 60_000;
    jest.advanceTimersByTime(10_000);
    expect(jumps).toBe(i);
  }
});

it('nothing is called after the stop', () => {
  clock.stop();
  offset = 3_600_000;
  jest.advanceTimersByTime(60_000);
  expect(jumps).toBe(0);
});
