import { expect, it } from '@jest/globals';
import { FairQueue } from '../../../webhook/fair-queue.ts';

function all<T>(queue: FairQueue<T>): readonly T[] {
  const items: T[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

it('serves senders in turn by cost: cheap items come early, in the order of their sender', () => {
  const queue = new FairQueue<string>();
  for (const i of [1, 2, 3]) queue.push('large', 10, `large ${i}`);
  for (const i of [1, 2, 3, 4]) queue.push('small', 4, `small ${i}`);
  expect(all(queue)).toEqual(['small 1', 'small 2', 'large 1', 'small 3', 'small 4', 'large 2', 'large 3']);
});

it('a new sender comes before those that have had more, but not before all queued items', () => {
  const queue = new FairQueue<string>();
  for (const i of [1, 2, 3]) queue.push('first', 10, `first ${i}`);
  expect([queue.shift(), queue.shift()]).toEqual(['first 1', 'first 2']);
  queue.push('late', 4, 'late 1');
  for (const i of [2, 3, 4]) queue.push('late', 4, `late ${i}`);
  expect(all(queue)).toEqual(['late 1', 'late 2', 'first 3', 'late 3', 'late 4']);
});

it('keeps no history when it is empty', () => {
  const queue = new FairQueue<string>();
  queue.push('first', 1000, 'a');
  expect(all(queue)).toEqual(['a']);
  queue.push('first', 10, 'b');
  queue.push('other', 11, 'c');
  expect(all(queue)).toEqual(['b', 'c']);
});
