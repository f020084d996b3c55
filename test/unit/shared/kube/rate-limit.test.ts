import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { withLeaderFence } from '../../../../shared/kube/leader-fence.ts';
import { withRateLimit, TokenBucket } from '../../../../shared/kube/rate-limit.ts';
import { FakeClient } from '../../../support/fake-client.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => {
  jest.clearAllTimers();
  jest.useRealTimers();
});

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

describe('TokenBucket', () => {
  /** When each of so many takers that come at once goes, in milliseconds from now. */
  async function goneAt(bucket: TokenBucket, takers: number, ms: number): Promise<readonly number[]> {
    const start = performance.now();
    const times: number[] = [];
    for (let i = 0; i < takers; i++) void bucket.take().then(() => times.push(performance.now() - start));
    await pass(ms);
    return times;
  }

  it.each<readonly [string, { readonly qps: number; readonly burst: number }, number, readonly number[]]>([
    [
      'a burst of requests passes at once, the others one after the other',
      { qps: 10, burst: 3 },
      5,
      [0, 0, 0, 100, 200],
    ],
    ['a burst of one spaces all requests', { qps: 2, burst: 1 }, 3, [0, 500, 1000]],
    ['several requests per millisecond pass together', { qps: 4000, burst: 5 }, 9, [0, 0, 0, 0, 0, 1, 1, 1, 1]],
    ['fractions of a millisecond are not lost', { qps: 3, burst: 2 }, 5, [0, 0, 334, 667, 1000]],
  ])('%s', async (_says, options, takers, expected) => {
    const times = await goneAt(new TokenBucket(options), takers, 2_000);
    expect(times.map((ms) => Math.round(ms))).toEqual(expected);
  });

  it('releases a caller that aborts, without a token lost for the others', async () => {
    const bucket = new TokenBucket({ qps: 10, burst: 1 });
    await bucket.take();
    const [first, second] = [new AbortController(), new AbortController()];
    const given = bucket.take(first.signal);
    let isServed = false;
    void bucket.take(second.signal).then(() => (isServed = true));
    first.abort();
    await expect(given).rejects.toMatchObject({ name: 'ApiError', code: 'Aborted' });
    await pass(99);
    expect(isServed).toBe(false);
    await pass(1);
    expect(isServed).toBe(true);
  });

  it('serves no caller that had aborted before, and takes no token for it', async () => {
    const bucket = new TokenBucket({ qps: 10, burst: 1 });
    await expect(bucket.take(AbortSignal.abort())).rejects.toMatchObject({ code: 'Aborted' });
    expect(await goneAt(bucket, 1, 0)).toEqual([0]);
  });

  it('never exceeds rate and burst in any interval, and wastes no token while a caller waits', async () => {
    const arrivals = fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 40 });
    const sizes = fc.record({ qps: fc.integer({ min: 1, max: 500 }), burst: fc.integer({ min: 1, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(sizes, arrivals, async ({ qps, burst }, gaps) => {
        const bucket = new TokenBucket({ qps, burst });
        const times: number[] = [];
        for (const gap of gaps) {
          await pass(gap);
          void bucket.take().then(() => times.push(performance.now()));
        }
        // What is waited for at most, and a millisecond of the timer's for each.
        await pass(Math.ceil((gaps.length * 1000) / qps) + gaps.length);
        expect(times).toHaveLength(gaps.length);
        for (const [i, from] of times.entries()) {
          for (const [j, to] of times.entries()) {
            if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(burst + ((to - from) * qps) / 1000 + 1e-3);
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('limited', () => {
  const request = { method: 'GET', path: '/x' } as const;
  const over = new AbortController();

  function client(inner: FakeClient): ReturnType<typeof withRateLimit> {
    return withRateLimit(inner, new TokenBucket({ qps: 1, burst: 1 }), over.signal);
  }

  const answering = (): FakeClient => new FakeClient({ request: () => 'answer', stream: () => new PassThrough() });

  it('returns the same responses, later', async () => {
    const inner = answering();
    const it = client(inner);
    expect(it.server).toBe(inner.server);
    expect(await it.request(request)).toBe('answer');
    const second = it.request(request);
    await pass(999);
    expect(inner.requests).toHaveLength(1);
    await pass(1);
    expect(await second).toBe('answer');
    expect(inner.requests).toEqual([request, request]);
  });

  it('counts the opening of a stream, and no data that arrives on it', async () => {
    const inner = answering();
    const it = client(inner);
    const body = await it.stream({ path: '/w', idleMs: 1, signal: over.signal });
    const second = it.request(request);
    (body as PassThrough).write('news');
    expect(String(body.read())).toBe('news');
    expect(inner.requests).toHaveLength(0);
    await pass(1_000);
    expect(await second).toBe('answer');
  });

  it.each<readonly [string, (own: AbortController, all: AbortController) => void, object]>([
    ["the request's own signal", (own) => own.abort(), { signal: true }],
    ['the signal of the whole client', (_own, all) => all.abort(), {}],
  ])('a waiting request is released by %s, and is never sent', async (_says, abort, more) => {
    const [own, all] = [new AbortController(), new AbortController()];
    const inner = answering();
    const it = withRateLimit(inner, new TokenBucket({ qps: 1, burst: 1 }), all.signal);
    await it.request(request);
    const waiting = it.request({ ...request, ...('signal' in more ? { signal: own.signal } : {}) });
    abort(own, all);
    await expect(waiting).rejects.toMatchObject({ code: 'Aborted' });
    await pass(2_000);
    expect(inner.requests).toHaveLength(1);
  });

  it('before a leader fence: a caller that lost leadership while it waited sends nothing', async () => {
    const inner = answering();
    let mayAct = true;
    const behindFence = withLeaderFence(inner, { mayAct: () => mayAct, signal: over.signal });
    const it = withRateLimit(behindFence, new TokenBucket({ qps: 1, burst: 1 }), over.signal);
    await it.request(request);
    const waiting = it.request(request);
    mayAct = false;
    await Promise.all([expect(waiting).rejects.toMatchObject({ code: 'Aborted' }), pass(1_000)]);
    expect(inner.requests).toHaveLength(1);
  });
});
