import { describe, expect, it } from '@jest/globals';
import { recordedDraft, recordedSteps } from '../../../../controller/decide/draft.ts';
import { type Transition, TRANSITIONS } from '../../../../controller/decide/machine.ts';
import { type Context, STATES, type State } from '../../../../controller/decide/types.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import { goldenDecisions, type GoldenInput } from '../../../support/golden-decisions.ts';

const rowsOf = (state: State) => TRANSITIONS.filter(({ from }) => from === state);

describe('the state machine', () => {
  it.each(STATES)(
    'the last row of %s, and no other, applies in every case, so there is always a next state',
    (state) => {
      const guards = rowsOf(state).map(({ guard }) => guard.name);
      expect(guards.indexOf('otherwise')).toBe(guards.length - 1);
      expect(guards.at(-1)).toBe('otherwise');
    },
  );

  it.each(STATES)('the rows of %s have different guards and are adjacent in the table', (state) => {
    const at = TRANSITIONS.flatMap(({ from }, i) => (from === state ? [i] : []));
    expect(at).toEqual(at.map((_, i) => (at[0] ?? 0) + i));
    expect(new Set(rowsOf(state).map(({ guard }) => guard.name)).size).toBe(at.length);
  });

  it.each(STATES.filter((state) => state !== 'New' && state !== 'Deleting'))('%s is reached by a row', (state) => {
    expect(TRANSITIONS.some(({ from, to }) => to === state && from !== state)).toBe(true);
  });

  it('a row that stays in its state and continues records a step: there is no endless loop in one state', () => {
    const rows = TRANSITIONS.filter(({ from, to, continues }) => from === to && continues === true);
    expect(rows.map(({ from, guard }) => `${from}, ${guard.name}`)).toEqual(['FinallyPending, stepDoesNotApply']);
  });

  it('every row has descriptions that fit into a cell of a table', () => {
    const described = TRANSITIONS.flatMap(({ guard, effect }) => [guard, effect]);
    expect(described.filter(({ description }) => !/^[^|\n]+$/.test(description)).map(({ name }) => name)).toEqual([]);
  });
});

/** The rows that the walk takes from what the input records, to where the walk ends. */
function taken({ snapshot, now }: GoldenInput): readonly Transition[] {
  const nowMs = Date.parse(now);
  const rows: Transition[] = [];
  let draft = recordedDraft(snapshot);
  for (;;) {
    const context: Context = { snapshot, draft, now: toTimestamp(nowMs), nowMs };
    const row = rowsOf(draft.state).find(({ guard }) => guard.holds(context));
    if (row === undefined) throw new Error(`no way out of ${draft.state}`);
    const before = recordedSteps(draft).length;
    draft = { ...row.effect.apply(context), state: row.to };
    rows.push(row);
    if (row.continues !== true) return rows;
    if (row.from === row.to) expect(recordedSteps(draft).length).toBe(before + 1);
  }
}

it('every row is applied in a golden decision, so that a change of it shows up in a diff', () => {
  const seen = new Set(goldenDecisions().flatMap(({ input }) => taken(input)));
  const unseen = TRANSITIONS.filter((row) => !seen.has(row)).map(({ from, guard }) => `${from}, ${guard.name}`);
  expect(unseen).toEqual([]);
});
