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

  it('one that waited waits again if another one has used up the turn', async () => {
    const seen: string[] = [];
    setImmediate(() => {
      setImmediate(() => void seen.push('other work'));
    });
    void slices.next();
    now += 10;
    const first = (async () => {
      await slices.next();
      seen.push('first');
      now += 10;
    })();
    const second = (async () => {
      await slices.next();
      seen.push('second');
    })();
    await Promise.all([first, second]);
    expect(seen).toEqual(['first', 'other work', 'second']);
  });

  it('work that begins long after the last is not interrupted', async () => {
    void slices.next();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    now += 60_000;
    expect(slices.next()).toBeUndefined();
  });
});
