/** A server that has just started may deny for a while what it granted before. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Denial } from '../../../../cli/cluster/denial.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a denial', () => {
  it('of what was never granted is final', () => {
    expect(new Denial().mayPass()).toBe(false);
  });

  it('of what was granted may pass, for ten seconds', () => {
    const denial = new Denial();
    denial.granted();
    expect(denial.mayPass()).toBe(true);
    jest.advanceTimersByTime(9_000);
    expect(denial.mayPass()).toBe(true);
    jest.advanceTimersByTime(1_000);
    expect(denial.mayPass()).toBe(false);
  });

  it('after another one that has passed may pass again', () => {
    const denial = new Denial();
    denial.granted();
    expect(denial.mayPass()).toBe(true);
    jest.advanceTimersByTime(9_000);
    denial.granted();
    jest.advanceTimersByTime(60_000);
    expect(denial.mayPass()).toBe(true);
  });
});
