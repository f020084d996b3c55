import { beforeEach, describe, expect, it } from '@jest/globals';
import { TimeSlices } from '../../../shared/time-slices.ts';

describe('time slices', () => {
  let now: number;
  let slices: TimeSlices;
  beforeEach(() => {
    now = 1_000;
    slices = new TimeSlices(() => now);
  });

  it('work of less than 10 ms is not interrupted', () => {
    expect(slices.next()).toBeUndefined();
    now += 9;
    expect(slices.next()).toBeUndefined();
  });

  it('longer work waits for the next turn of the event loop, in which others may work', async () => {
    const seen: string[] = [];
    setImmediate(() => void seen.push('other work'));
    void slices.next();
    now += 10;
    await slices.next();
    seen.push('work');
    expect(seen).toEqual(['other work', 'work']);
    expect(slices.next()).toBeUndefined();
  });

  it('all that wait go on in the same slice', async () => {
    void slices.next();
    now += 10;
    await Promise.all([slices.next(), slices.next()]);
    now += 9;
    expect(slices.next()).toBeUndefined();
  });

  it('a slice is the time since the last turn, whoever worked', async () => {
    void slices.next();
    now += 60_000;
    const waits = slices.next();
    expect(waits).toBeDefined();
    await waits;
    now += 9;
    expect(slices.next()).toBeUndefined();
  });

  it('work that begins after a pause is not interrupted', () => {
    void slices.next();
    slices.pause();
    now += 60_000;
    expect(slices.next()).toBeUndefined();
  });
});
