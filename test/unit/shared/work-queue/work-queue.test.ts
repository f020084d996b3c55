import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { WorkQueue } from '../../../../shared/work-queue/work-queue.ts';

const BACKOFF = { baseMs: 100, maxMs: 1000 };

describe('WorkQueue', () => {
  let queue: WorkQueue;
  let random: number;

  beforeEach(() => {
    jest.useFakeTimers();
    random = 1;
    queue = new WorkQueue({ backoff: BACKOFF, random: () => random, now: () => performance.now() });
  });

  afterEach(() => {
    queue.close();
    jest.useRealTimers();
  });

  /** Keys that can be taken now, in order; each is done with at once. */
  async function drain(): Promise<readonly string[]> {
    const keys: string[] = [];
    while (queue.depth > 0) {
      const key = await queue.take();
      if (key === undefined) break;
      keys.push(key);
      queue.done(key);
    }
    return keys;
  }

  const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  it.each<readonly [string, (on: WorkQueue) => unknown, readonly string[]]>([
    ['returns keys in the order in which they were added', (on) => ['a', 'b'].map((key) => on.add(key)), ['a', 'b']],
    ['adds a queued key once, and keeps its place', (on) => ['a', 'b', 'a'].map((key) => on.add(key)), ['a', 'b']],
    ['adds a key with a delay of 0 at once', (on) => on.addAfter('a', 0), ['a']],
    ['adds a key with a negative delay at once', (on) => on.addAfter('a', -5), ['a']],
    ['does not add a key before its delay has passed', (on) => on.addAfter('a', 1), []],
  ])('%s', async (_says, adds, expected) => {
    adds(queue);
    expect(queue.depth).toBe(expected.length);
    expect(await drain()).toEqual(expected);
  });

  it('returns a key to one worker at a time, and again if it was added during its processing', async () => {
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.depth).toBe(0);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  it('returns a new key to a worker that is waiting', async () => {
    const first = queue.take();
    const second = queue.take();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(await first).toBe('a');
    expect(await second).toBe('b');
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  it('never returns a key to two workers, in any order of additions', async () => {
    const taken: string[] = [];
    const worker = async (): Promise<void> => {
      const key = await queue.take();
      if (key !== undefined) taken.push(key);
    };
    void worker();
    void worker();
    queue.add('a');
    queue.addAfter('a', 10);
    queue.addAfterFailure('a');
    await pass(1000);
    expect(taken).toEqual(['a']);
    queue.done('a');
    await pass(0);
    expect(taken).toEqual(['a', 'a']);
  });

  it.each([
    ['the shorter one second', [100, 50], [50]],
    ['the shorter one first', [50, 100], [50]],
    ['two equal delays', [50, 50], [50]],
  ])('the shorter of two delays counts: %s', async (_says, delays, expected) => {
    for (const ms of delays) queue.addAfter('a', ms);
    const times: number[] = [];
    for (let ms = 1; ms <= 200; ms++) {
      await pass(1);
      if ((await drain()).length > 0) times.push(ms);
    }
    expect(times).toEqual(expected);
  });

  it('does not add a key whose delay was dropped, and leaves no timer', async () => {
    queue.addAfter('a', 50);
    queue.addAfter('b', 50);
    queue.cancelDelay('a');
    queue.cancelDelay('never-added');
    expect(jest.getTimerCount()).toBe(1);
    await pass(100);
    expect(await drain()).toEqual(['b']);
  });

  it('supports delays above the limit of a timer', async () => {
    const days = 30 * 24 * 3600 * 1000;
    queue.addAfter('a', days);
    await pass(days - 1);
    expect(queue.depth).toBe(0);
    await pass(1);
    expect(queue.depth).toBe(1);
  });

  it('increases the backoff after each failure, up to the limit', () => {
    expect(Array.from({ length: 6 }, () => queue.addAfterFailure('a'))).toEqual([100, 200, 400, 800, 1000, 1000]);
  });

  it('uses a random delay between half the backoff and the backoff', () => {
    random = 0;
    expect(queue.addAfterFailure('a')).toBe(50);
    random = 0.5;
    expect(queue.addAfterFailure('a')).toBe(150);
  });

  it('resets the backoff after a success', () => {
    queue.addAfterFailure('a');
    queue.addAfterFailure('a');
    queue.forget('a');
    expect(queue.addAfterFailure('a')).toBe(100);
  });

  it.each([
    ['a Retry-After above the backoff counts, even above the limit', 5000, 5000],
    ['a Retry-After below the backoff does not shorten it', 10, 100],
  ])('%s', async (_says, atLeast, expected) => {
    expect(queue.addAfterFailure('a', { minDelayMs: atLeast })).toBe(expected);
    await pass(expected - 1);
    expect(queue.depth).toBe(0);
    await pass(1);
    expect(queue.depth).toBe(1);
  });

  it('a key that is added during a failing reconcile waits for the backoff; one added later does not', async () => {
    queue.add('a');
    await queue.take();
    queue.add('a');
    queue.addAfterFailure('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
    queue.add('a');
    expect(await drain()).toEqual(['a']);
    jest.advanceTimersByTime(100);
    expect(await drain()).toEqual(['a']);
  });

  it.each<readonly [string, { readonly minDelayMs?: number; readonly wasOutdated?: boolean }, boolean, number]>([
    ['at once after a conflict, if the key was added during the reconcile', { wasOutdated: true }, true, 1],
    ['after the backoff, if the key was not added during the reconcile', { wasOutdated: true }, false, 0],
    ['no sooner than the Retry-After', { wasOutdated: true, minDelayMs: 5000 }, true, 0],
  ])('requeues a failed key %s', async (_says, failure, hasNews, depth) => {
    queue.add('a');
    await queue.take();
    if (hasNews) queue.add('a');
    const delay = queue.addAfterFailure('a', failure);
    queue.done('a');
    expect(queue.depth).toBe(depth);
    expect(delay === 0).toBe(depth === 1);
    await drain();
    // It counts as a failure all the same.
    expect(queue.addAfterFailure('a')).toBe(200);
  });

  describe('when the cause of the failures may have ended', () => {
    let next: () => number;

    beforeEach(() => {
      next = () => random;
      const backoff = { baseMs: 10_000, maxMs: 300_000 };
      queue = new WorkQueue({ backoff, random: () => next(), now: () => performance.now() });
    });

    it('failed keys are requeued within a second, and delayed keys are not', async () => {
      queue.addAfterFailure('failed');
      queue.addAfterFailure('other/failed');
      queue.addAfter('deadline', 5000);
      queue.addAfterFailure('asked', { minDelayMs: 15_000 });
      random = 0.5;
      queue.retryFailed();
      await pass(499);
      expect(queue.depth).toBe(0);
      await pass(1);
      expect((await drain()).toSorted()).toEqual(['failed', 'other/failed']);
      await pass(4499);
      expect(queue.depth).toBe(0);
      await pass(1);
      expect(await drain()).toEqual(['deadline']);
    });

    it('thousands of failed keys are requeued gradually', async () => {
      for (let i = 0; i < 1000; i++) queue.addAfterFailure(String(i));
      let drawn = 0;
      next = () => (drawn++ % 1000) / 1000;
      queue.retryFailed();
      const depths: number[] = [];
      for (let i = 0; i < 10; i++) {
        await pass(100);
        depths.push(queue.depth);
      }
      expect(depths.at(-1)).toBe(1000);
      for (const [i, depth] of depths.entries()) expect(depth).toBeLessThanOrEqual(100 * (i + 1) + 1);
    });

    it.each([
      ['before its failure', () => [queue.addAfter('a', 900), queue.addAfterFailure('a')]],
      ['after its failure', () => [queue.addAfterFailure('a'), queue.addAfter('a', 900)]],
    ])('a failed key is also requeued if it was added with a shorter delay: %s', async (_says, adds) => {
      adds();
      random = 0.1;
      queue.retryFailed();
      await pass(100);
      expect(await drain()).toEqual(['a']);
    });

    it('a key that is being processed gets the shortest backoff if it fails', async () => {
      queue.addAfterFailure('a');
      queue.addAfterFailure('a');
      queue.add('a');
      await queue.take();
      queue.retryFailed();
      expect(queue.addAfterFailure('a')).toBe(10_000);
    });
  });

  describe('closed', () => {
    it('returns no more keys, and releases waiting workers', async () => {
      const waiting = queue.take();
      queue.add('a');
      expect(await waiting).toBe('a');
      const other = queue.take();
      queue.add('b');
      queue.addAfter('c', 10);
      const last = queue.take();
      queue.close();
      expect(await other).toBe('b');
      expect(await last).toBeUndefined();
      expect(await queue.take()).toBeUndefined();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('accepts no more keys', async () => {
      queue.add('a');
      const key = await queue.take();
      queue.add('a');
      queue.close();
      queue.add('b');
      queue.addAfter('c', 10);
      queue.addAfterFailure('d');
      expect(() => queue.done(key ?? '')).not.toThrow();
      expect(queue.depth).toBe(0);
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});
