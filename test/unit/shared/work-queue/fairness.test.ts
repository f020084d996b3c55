/** Namespaces take turns in the work queue. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WorkQueue } from '../../../../shared/work-queue/work-queue.ts';

const CROWD = 5_000;

let queue: WorkQueue;
let waits: number[];

beforeEach(() => {
  let now = 0;
  waits = [];
  queue = new WorkQueue({
    backoff: { baseMs: 100, maxMs: 1000 },
    random: () => 1,
    // Time is counted in keys that were asked for.
    now: () => now++,
    observer: {
      added: () => undefined,
      addedLater: () => undefined,
      taken: (ms) => void waits.push(ms),
      done: () => undefined,
    },
  });
});
afterEach(() => queue.close());

async function next(): Promise<string | undefined> {
  const key = await queue.take();
  if (key !== undefined) queue.done(key);
  return key;
}

it(`a key is second in the queue, however many of another namespace wait: ${CROWD}`, async () => {
  for (let i = 0; i < CROWD; i++) queue.add(`crowd/${i}`);
  queue.add('alone/one');
  expect([await next(), await next(), await next()]).toEqual(['crowd/0', 'alone/one', 'crowd/1']);
});

it('a key that is added while it is processed waits after the keys of its own namespace only', async () => {
  for (let i = 0; i < 4; i++) queue.add(`crowd/${i}`);
  queue.add('alone/one');
  await next();
  const alone = await queue.take();
  queue.add('alone/one');
  queue.done(alone ?? '');
  expect([await next(), await next(), await next()]).toEqual(['crowd/1', 'alone/one', 'crowd/2']);
});

describe('slow reconciles', () => {
  const WORKERS = 16;
  /** What each of the workers has, in the order in which they got it. */
  let working: string[];

  /** Workers that take a key, and keep it until the test says that it is done. */
  function employ(workers = WORKERS): void {
    queue = new WorkQueue({ backoff: { baseMs: 100, maxMs: 1000 }, random: () => 1, now: () => 0, workers });
    working = [];
    const taken = queue;
    const take = async (): Promise<void> => {
      for (let key = await taken.take(); key !== undefined; key = await taken.take()) {
        const finished = Promise.withResolvers<void>();
        working.push(key);
        finish.set(key, finished.resolve);
        await finished.promise;
        taken.done(key);
      }
    };
    for (let i = 0; i < workers; i++) void take();
  }
  const finish = new Map<string, () => void>();
  const settled = async (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const crowd = (namespace: string, count = 100): void => {
    for (let i = 0; i < count; i++) queue.add(`${namespace}/${i}`);
  };
  const workersOf = (namespace: string): number => working.filter((key) => key.startsWith(`${namespace}/`)).length;
  async function finishAll(namespace: string): Promise<void> {
    for (const key of working.splice(0)) {
      if (key.startsWith(`${namespace}/`)) finish.get(key)?.();
      else working.push(key);
    }
    await settled();
  }

  it('of one namespace leave half of the workers to the others', async () => {
    employ();
    crowd('crowd');
    await settled();
    expect(workersOf('crowd')).toBe(WORKERS / 2);
    queue.add('alone/one');
    await settled();
    expect(working).toContain('alone/one');
  });

  it('of several namespaces leave one worker for the next namespace', async () => {
    employ();
    for (const namespace of ['a', 'b', 'c']) crowd(namespace);
    await settled();
    const shares = ['a', 'b', 'c'].map(workersOf);
    expect(Math.max(...shares)).toBeLessThanOrEqual(WORKERS / 2);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(2);
    queue.add('alone/one');
    await settled();
    expect(working).toContain('alone/one');
  });

  it('rotate as they finish: every key of a namespace gets its turn, in order', async () => {
    employ(4);
    crowd('crowd', 7);
    const done: string[] = [];
    for (let round = 0; round < 4; round++) {
      await settled();
      done.push(...working);
      expect(working.length).toBeLessThanOrEqual(2);
      await finishAll('crowd');
    }
    expect(done.slice(0, 7)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => `crowd/${i}`));
    expect([queue.depth, queue.inProgress]).toEqual([0, 0]);
  });

  it('give a namespace more workers when another one is done', async () => {
    employ();
    crowd('a', 8);
    crowd('b');
    await settled();
    const before = workersOf('b');
    await finishAll('a');
    expect([before, workersOf('b')]).toEqual([4, WORKERS / 2]);
  });

  it('use the only worker if there is just one', async () => {
    employ(1);
    crowd('crowd', 2);
    await settled();
    expect(working).toEqual(['crowd/0']);
  });

  it('use all workers if there is only one namespace', async () => {
    queue = new WorkQueue({ backoff: { baseMs: 100, maxMs: 1000 }, random: () => 1, now: () => 0 });
    crowd('crowd', 3);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['crowd/0', 'crowd/1', 'crowd/2']);
  });
});
