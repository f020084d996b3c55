/** Namespaces take turns in the work queue. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { WorkQueue } from '../../../controller/queue.ts';

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
      delayed: () => undefined,
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

it(`a key comes second, however many of another namespace wait: ${CROWD}`, async () => {
  for (let i = 0; i < CROWD; i++) queue.add(`crowd/${i}`);
  queue.add('alone/one');
  expect([await next(), await next(), await next()]).toEqual(['crowd/0', 'alone/one', 'crowd/1']);
});

it('each time anew', async () => {
  for (let i = 0; i < CROWD; i++) queue.add(`crowd/${i}`);
  const places: number[] = [];
  for (let turn = 0; turn < 30; turn++) {
    if (turn % 5 === 0) queue.add('alone/one');
    if ((await next()) === 'alone/one') places.push(turn);
  }
  expect(places).toEqual([1, 6, 11, 16, 21, 26]);
});

it('a key that is added while it is worked on waits behind its own namespace, not behind all', async () => {
  for (let i = 0; i < 4; i++) queue.add(`crowd/${i}`);
  queue.add('alone/one');
  await next();
  const alone = await queue.take();
  queue.add('alone/one');
  queue.done(alone ?? '');
  expect([await next(), await next(), await next()]).toEqual(['crowd/1', 'alone/one', 'crowd/2']);
});

it('a name with a namespace in it is of its namespace', async () => {
  for (const key of ['a/b', 'a/c', 'b/a']) queue.add(key);
  expect([await next(), await next(), await next()]).toEqual(['a/b', 'b/a', 'a/c']);
});

it('the time that is told is since the key was added', async () => {
  queue.add('crowd/0'); // at 0
  queue.add('crowd/1'); // at 1
  queue.add('alone/one'); // at 2
  for (let i = 0; i < 3; i++) await next(); // two looks at the clock each: taken at 3, 5 and 7
  expect(waits).toEqual([3, 3, 6]);
});
