import { describe, expect, it } from '@jest/globals';
import { EFFECTS } from '../../../../controller/decide/effects.ts';
import { GUARDS } from '../../../../controller/decide/guards.ts';
import { TRANSITIONS } from '../../../../controller/decide/machine.ts';
import { STATES, type State } from '../../../../controller/decide/types.ts';

const rowsOf = (state: State) => TRANSITIONS.filter(({ from }) => from === state);
const states = STATES.map((state) => [state] as const);

describe('the state machine', () => {
  it.each(states)('%s has a way out, whatever is the case: its last row holds always', (state) => {
    expect(rowsOf(state).at(-1)?.guard).toBe('otherwise');
  });

  it.each(states)('%s has no row behind the one that holds always, and asks nothing twice', (state) => {
    const guards = rowsOf(state).map(({ guard }) => guard);
    expect(guards.indexOf('otherwise')).toBe(guards.length - 1);
    expect(new Set(guards).size).toBe(guards.length);
  });

  it.each(states)('%s stands in one block, so that its order can be read off the table', (state) => {
    const at = TRANSITIONS.flatMap(({ from }, i) => (from === state ? [i] : []));
    expect(at).toEqual(at.map((_, i) => (at[0] ?? 0) + i));
  });

  it.each(states.filter(([state]) => state !== 'New' && state !== 'Deleting'))('%s is reached by a row', (state) => {
    expect(TRANSITIONS.some(({ from, to }) => to === state && from !== state)).toBe(true);
  });

  it('a row that stays where it is rests: the walk cannot go round in one state', () => {
    expect(TRANSITIONS.filter(({ from, to, rest }) => from === to && rest !== true)).toEqual([]);
  });

  it.each(Object.keys(GUARDS).map((name) => [name]))('the guard %s is used', (name) => {
    expect(TRANSITIONS.map(({ guard }) => guard)).toContain(name);
  });

  it.each(Object.keys(EFFECTS).map((name) => [name]))('the effect %s is used', (name) => {
    expect(TRANSITIONS.map(({ effect }) => effect)).toContain(name);
  });

  it.each([...Object.entries(GUARDS), ...Object.entries(EFFECTS)].map(([name, { says }]) => [name, says] as const))(
    '%s says in words of the reader what it is: "%s"',
    (_name, says) => {
      expect(says).not.toBe('');
      expect(says).not.toMatch(/[|\n]/);
    },
  );
});
