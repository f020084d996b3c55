import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sleep } from '../../../shared/sleep.ts';

describe('sleep', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function watched(promise: Promise<void>): () => boolean {
    let done = false;
    void (async () => {
      await promise;
      done = true;
    })();
    return () => done;
  }

  it('ends after its duration, not before', async () => {
    const done = watched(sleep(1000));
    await jest.advanceTimersByTimeAsync(999);
    expect(done()).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(done()).toBe(true);
  });

  it('ends when it is aborted, and leaves no timer', async () => {
    const stop = new AbortController();
    const done = watched(sleep(1000, stop.signal));
    stop.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(done()).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends at once if it was aborted before', async () => {
    await expect(sleep(1000, AbortSignal.abort())).resolves.toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });
});
