/** What the work queue tells its metrics, on a clock of the test's. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { WorkQueue } from '../../../../shared/work-queue/work-queue.ts';

let queue: WorkQueue;
let told: string[];
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  queue = new WorkQueue({
    backoff: { baseMs: 100, maxMs: 1000 },
    random: () => 1,
    now: () => performance.now(),
    observer: {
      added: () => void told.push('added'),
      addedLater: () => void told.push('delayed'),
      taken: (ms) => void told.push(`taken after ${ms}`),
      done: (ms) => void told.push(`done after ${ms}`),
    },
  });
});
afterEach(() => {
  queue.close();
  jest.useRealTimers();
});

it.each<readonly [string, () => unknown, readonly unknown[]]>([
  [
    'a key waits and is processed',
    async () => {
      queue.add('a');
      await pass(20);
      await queue.take();
      await pass(5);
      queue.done('a');
    },
    ['added', 'taken after 20', 'done after 5'],
  ],
  [
    'a queued key is not added again',
    async () => {
      queue.add('a');
      await pass(20);
      queue.add('a');
      await pass(20);
      await queue.take();
    },
    ['added', 'taken after 40'],
  ],
  [
    'a key is taken at once by a waiting worker',
    async () => {
      const taking = queue.take();
      queue.add('a');
      await taking;
    },
    ['added', 'taken after 0'],
  ],
  [
    'a key that is added during its processing is counted once, and waits from then on',
    async () => {
      queue.add('a');
      await queue.take();
      await pass(10);
      queue.add('a');
      queue.add('a');
      await pass(30);
      queue.done('a');
      await pass(2);
      await queue.take();
    },
    ['added', 'taken after 0', 'added', 'done after 40', 'taken after 32'],
  ],
  [
    'a delay does not count as waiting',
    async () => {
      queue.addAfter('a', 500);
      await pass(510);
      await queue.take();
    },
    ['delayed', 'added', 'taken after 10'],
  ],
  ['a delay of 0 counts as an addition', () => queue.addAfter('a', 0), ['added']],
  [
    'a delay above the limit of a timer is counted once',
    async () => {
      queue.addAfter('a', 2 ** 33);
      await pass(2 ** 33 - 1);
    },
    ['delayed'],
  ],
  [
    'the backoff of a key that was added during its failing reconcile does not count as waiting',
    async () => {
      queue.add('a');
      await queue.take();
      queue.add('a');
      queue.addAfterFailure('a');
      queue.done('a');
      await pass(1000);
      await queue.take();
    },
    [
      'added',
      'taken after 0',
      'added',
      'delayed',
      'done after 0',
      'added',
      expect.stringMatching(/^taken after \d{3}$/),
    ],
  ],
  [
    'a closed queue counts nothing',
    async () => {
      queue.close();
      queue.add('a');
      queue.addAfter('a', 10);
      await queue.take();
    },
    [],
  ],
])('%s', async (_says, act, expected) => {
  await act();
  expect(told).toEqual(expected);
});

it('the state has the number of waiting keys and the durations of the running reconciles', async () => {
  for (const key of ['a', 'b', 'c']) queue.add(key);
  await queue.take();
  await pass(100);
  await queue.take();
  await pass(50);
  expect(queue.state()).toEqual({ depth: 1, inProgressMs: [150, 50] });
  expect(queue.inProgress).toBe(2);
  queue.done('a');
  expect(queue.state()).toEqual({ depth: 1, inProgressMs: [50] });
});
