import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import { EFFECTS } from '../../../../controller/decide/effects.ts';
import { GUARDS } from '../../../../controller/decide/guards.ts';
import { type Transition, TRANSITIONS } from '../../../../controller/decide/machine.ts';
import { type Context, STATES, type State } from '../../../../controller/decide/types.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { goldenDecisions, type GoldenInput } from '../../../support/golden-decisions.ts';

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

  it.each(
    [...Object.entries(GUARDS), ...Object.entries(EFFECTS)].map(
      ([name, { description }]) => [name, description] as const,
    ),
  )('%s says in words of the reader what it is: "%s"', (_name, says) => {
    expect(says).not.toBe('');
    expect(says).not.toMatch(/[|\n]/);
  });
});

/** The rows that the walk takes from what the input records, to where it rests. */
function taken({ snapshot, now }: GoldenInput): readonly Transition[] {
  const nowMs = Date.parse(now);
  const rows: Transition[] = [];
  let draft = recordedDraft(snapshot);
  while (rows.at(-1)?.rest !== true) {
    const context: Context = { snapshot, draft, now: toTimestamp(nowMs), nowMs };
    const row = rowsOf(draft.state).find(({ guard }) => GUARDS[guard].holds(context));
    if (row === undefined) throw new Error(`no way out of ${draft.state}`);
    draft = { ...EFFECTS[row.effect].apply(context), state: row.to };
    rows.push(row);
  }
  return rows;
}

describe('every row is taken by a golden decision, so that nobody changes it unseen', () => {
  const seen = new Set(goldenDecisions().flatMap(({ input }) => taken(input)));

  it.each(TRANSITIONS.map((row) => [row.from, row.guard, row]))('%s, %s', (_from, _guard, row) => {
    expect(seen).toContain(row);
  });
});
