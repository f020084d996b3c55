import { describe, expect, it } from '@jest/globals';
import { recordedDraft } from '../../../../controller/decide/draft.ts';
import { EFFECTS } from '../../../../controller/decide/effects.ts';
import { GUARDS } from '../../../../controller/decide/guards.ts';
import { type Transition, TRANSITIONS } from '../../../../controller/decide/machine.ts';
import { type Context, STATES, type State } from '../../../../controller/decide/types.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { goldenDecisions, type GoldenInput } from '../../../support/golden-decisions.ts';

const rowsOf = (state: State) => TRANSITIONS.filter(({ from }) => from === state);

describe('the state machine', () => {
  it.each(STATES)('%s has a way out, whatever is the case: its last row, and no other, holds always', (state) => {
    const guards = rowsOf(state).map(({ guard }) => guard);
    expect(guards.indexOf('otherwise')).toBe(guards.length - 1);
    expect(guards.at(-1)).toBe('otherwise');
  });

  it.each(STATES)('%s asks nothing twice, and stands in one block: its order can be read off the table', (state) => {
    const at = TRANSITIONS.flatMap(({ from }, i) => (from === state ? [i] : []));
    expect(at).toEqual(at.map((_, i) => (at[0] ?? 0) + i));
    expect(new Set(rowsOf(state).map(({ guard }) => guard)).size).toBe(at.length);
  });

  it.each(STATES.filter((state) => state !== 'New' && state !== 'Deleting'))('%s is reached by a row', (state) => {
    expect(TRANSITIONS.some(({ from, to }) => to === state && from !== state)).toBe(true);
  });

  it('a row that stays where it is rests: the walk cannot go round in one state', () => {
    expect(TRANSITIONS.filter(({ from, to, rest }) => from === to && rest !== true)).toEqual([]);
  });

  // That every row names a guard and an effect that there are is for the compiler.
  it('uses every guard and every effect', () => {
    expect(new Set(TRANSITIONS.map(({ guard }) => guard))).toEqual(new Set(Object.keys(GUARDS)));
    expect(new Set(TRANSITIONS.map(({ effect }) => effect))).toEqual(new Set(Object.keys(EFFECTS)));
  });

  it('says of each what it is, in words that fit in a cell of a table', () => {
    const said = [...Object.entries(GUARDS), ...Object.entries(EFFECTS)];
    expect(said.filter(([, { description }]) => !/^[^|\n]+$/.test(description)).map(([name]) => name)).toEqual([]);
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

it('every row is taken by a golden decision, so that nobody changes it unseen', () => {
  const seen = new Set(goldenDecisions().flatMap(({ input }) => taken(input)));
  const unseen = TRANSITIONS.filter((row) => !seen.has(row)).map(({ from, guard }) => `${from}, ${guard}`);
  expect(unseen).toEqual([]);
});
