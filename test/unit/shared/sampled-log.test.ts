/** What strangers can have logged: the first, then a count. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SampledLog, type SampledLine } from '../../../shared/sampled-log.ts';
import { recordingLog } from '../../support/recording-log.ts';

const { log, lines } = recordingLog();
beforeEach(() => {
  lines.splice(0);
  jest.useFakeTimers();
});
afterEach(() => void jest.useRealTimers());

const line = (n: number, kind = 'a'): SampledLine => ({ level: 'warn', msg: 'refused', kind, fields: { kind, n } });
const said = (): readonly unknown[] => lines.map(({ kind, n, omitted }) => [kind, n, omitted]);

function write(sampled: SampledLog, count: number, kind = 'a'): void {
  for (let n = 0; n < count; n += 1) sampled.write(line(n, kind));
}

describe('log lines of one kind', () => {
  it('are the first line, and after a minute a line with the number of the others', () => {
    const sampled = new SampledLog({ log });
    write(sampled, 10_000);
    expect(said()).toEqual([['a', 0, undefined]]);
    jest.advanceTimersByTime(60_000);
    expect(said()).toEqual([
      ['a', 0, undefined],
      ['a', 9_999, 9_999],
    ]);
  });

  it('continue once per minute, and start again after a quiet minute', () => {
    const sampled = new SampledLog({ log });
    write(sampled, 2);
    for (let minute = 0; minute < 3; minute += 1) {
      jest.advanceTimersByTime(60_000);
      write(sampled, 5);
    }
    expect(said()).toEqual([
      ['a', 0, undefined],
      ['a', 1, 1],
      ['a', 4, 5],
      ['a', 4, 5],
    ]);
    jest.advanceTimersByTime(120_000);
    lines.splice(0);
    write(sampled, 2);
    expect(said()).toEqual([['a', 0, undefined]]);
  });

  it('may be more than one per minute', () => {
    const sampled = new SampledLog({ log, burst: 3 });
    write(sampled, 5);
    jest.advanceTimersByTime(60_000);
    expect(said()).toEqual([
      ['a', 0, undefined],
      ['a', 1, undefined],
      ['a', 2, undefined],
      ['a', 4, 2],
    ]);
  });

  it('are counted separately from those of another kind', () => {
    const sampled = new SampledLog({ log });
    write(sampled, 2, 'a');
    write(sampled, 3, 'b');
    jest.advanceTimersByTime(60_000);
    expect(said()).toEqual([
      ['a', 0, undefined],
      ['b', 0, undefined],
      ['a', 1, 1],
      ['b', 2, 2],
    ]);
  });
});

it('are not logged if there are too many kinds', () => {
  const sampled = new SampledLog({ log });
  for (let kind = 0; kind < 1_000; kind += 1) write(sampled, 2, `kind ${kind}`);
  expect(said().length).toBeLessThan(100);
  expect(jest.getTimerCount()).toBeLessThan(100);
  jest.advanceTimersByTime(180_000);
  expect(jest.getTimerCount()).toBe(0);
});

it('the timer does not keep the process alive', () => {
  jest.useRealTimers();
  const timers = jest.spyOn(globalThis, 'setTimeout');
  write(new SampledLog({ log }), 2);
  const [timer] = timers.mock.results;
  expect((timer?.value as NodeJS.Timeout | undefined)?.hasRef()).toBe(false);
  timers.mockRestore();
});
