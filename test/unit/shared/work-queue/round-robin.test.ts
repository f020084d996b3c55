import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { RoundRobin } from '../../../../shared/work-queue/round-robin.ts';

type Move = readonly [group: string, item: string] | 'shift';

/** Everything that comes out while the moves are made, and afterwards until nothing is left. */
function play(moves: readonly Move[]): readonly (string | undefined)[] {
  const queue = new RoundRobin<string>();
  const out: (string | undefined)[] = [];
  for (const move of moves) {
    if (move === 'shift') out.push(queue.shift());
    else queue.push(...move);
  }
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) out.push(item);
  return out;
}

it.each<readonly [string, readonly Move[], readonly (string | undefined)[]]>([
  ['an empty queue returns nothing', ['shift'], [undefined]],
  [
    'the items of one group are returned in their order',
    [
      ['a', 'a1'],
      ['a', 'a2'],
      ['a', 'a3'],
    ],
    ['a1', 'a2', 'a3'],
  ],
  [
    'groups take turns, in the order of their first items',
    [
      ['a', 'a1'],
      ['a', 'a2'],
      ['a', 'a3'],
      ['b', 'b1'],
      ['c', 'c1'],
      ['b', 'b2'],
    ],
    ['a1', 'b1', 'c1', 'a2', 'b2', 'a3'],
  ],
  [
    'a group that was empty gets its turn after the others',
    [['a', 'a1'], 'shift', ['b', 'b1'], ['b', 'b2'], ['a', 'a2']],
    ['a1', 'b1', 'a2', 'b2'],
  ],
  [
    'a group to which items are added repeatedly does not overtake a waiting one',
    [['a', 'a1'], ['b', 'b1'], 'shift', ['a', 'a2'], 'shift', ['b', 'b2'], 'shift', ['a', 'a3'], 'shift'],
    ['a1', 'b1', 'a2', 'b2', 'a3'],
  ],
])('%s', (_says, moves, expected) => {
  expect(play(moves)).toEqual(expected);
});

interface Entry {
  readonly group: string;
  /** How many of its group were ahead of it when it came. */
  readonly ahead: number;
  /** Of each other group, how many have come out while it waited. */
  readonly passed: Map<string, number>;
}

const MOVES = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') }, fc.constant('')), {
  maxLength: 200,
});

it('at most one item of each other group is returned before each item of a group, in any order of additions', () => {
  fc.assert(
    fc.property(MOVES, (moves) => {
      const queue = new RoundRobin<Entry>();
      const waiting: Entry[] = [];
      const shift = (): void => {
        const taken = queue.shift();
        expect(taken === undefined).toBe(waiting.length === 0);
        if (taken === undefined) return;
        expect(waiting.find(({ group }) => group === taken.group)).toBe(taken); // the first of its group
        waiting.splice(waiting.indexOf(taken), 1);
        for (const { group, ahead, passed } of waiting.filter((entry) => entry.group !== taken.group)) {
          const now = (passed.get(taken.group) ?? 0) + 1;
          passed.set(taken.group, now);
          expect({ group, now }).toEqual({ group, now: Math.min(now, ahead + 1) });
        }
      };
      for (const group of moves) {
        if (group === '') shift();
        else {
          const ahead = waiting.filter((entry) => entry.group === group).length;
          const entry: Entry = { group, ahead, passed: new Map() };
          waiting.push(entry);
          queue.push(group, entry);
        }
      }
      while (waiting.length > 0) shift();
    }),
  );
});
