import { describe, expect, it } from '@jest/globals';
import { CONDITION_TYPES, type Condition, type ConditionType } from '../../../shared/api/types.ts';
import { type ConditionState, getCondition, isTrue, setConditions } from '../../../shared/conditions.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, NOW } from '../../support/objects.ts';

const OLD = at(-100);

function states(change: Partial<Record<ConditionType, ConditionState>> = {}): Record<ConditionType, ConditionState> {
  const quiet: ConditionState = { status: 'False', reason: 'Quiet', message: 'nothing' };
  const all = Object.fromEntries(CONDITION_TYPES.map((type) => [type, quiet])) as Record<ConditionType, ConditionState>;
  return { ...all, ...change };
}

function condition(change: Partial<Condition> = {}): Condition {
  const { type = 'Failed', status = 'False' } = change;
  return {
    observedGeneration: 1,
    lastTransitionTime: OLD,
    reason: 'Quiet',
    message: 'nothing',
    ...change,
    type,
    status,
  };
}

function set(previous: readonly Condition[] | undefined, change: Partial<Record<ConditionType, ConditionState>> = {}) {
  return setConditions(deepFreeze(previous), deepFreeze(states(change)), { now: NOW, generation: 2 });
}

describe('setConditions', () => {
  it.each<readonly [string, readonly Condition[] | undefined, ConditionState, Partial<Condition>]>([
    [
      'a new condition gets the current time',
      undefined,
      { status: 'False', reason: 'A', message: 'a' },
      { lastTransitionTime: NOW, status: 'False', reason: 'A', message: 'a' },
    ],
    [
      'a condition whose status changes gets the current time',
      [condition()],
      { status: 'True', reason: 'A', message: 'a' },
      { lastTransitionTime: NOW, status: 'True' },
    ],
    [
      'a condition whose status does not change keeps its time, even if reason and message change',
      [condition()],
      { status: 'False', reason: 'A', message: 'a' },
      { lastTransitionTime: OLD, reason: 'A', message: 'a' },
    ],
    [
      'a change from Unknown to False gets the current time',
      [condition({ status: 'Unknown' })],
      { status: 'False', reason: 'Quiet', message: 'nothing' },
      { lastTransitionTime: NOW },
    ],
    [
      'observedGeneration is always the current generation',
      [condition()],
      { status: 'False', reason: 'Quiet', message: 'nothing' },
      { lastTransitionTime: OLD, observedGeneration: 2 },
    ],
  ])('%s', (_says, previous, state, expected) => {
    expect(getCondition(set(previous, { Failed: state }), 'Failed')).toMatchObject(expected);
  });

  it('returns all types in the fixed order, for any order of the input', () => {
    const previous = [condition({ type: 'Complete' }), condition({ type: 'Available' })];
    expect(set(previous).map(({ type }) => type)).toEqual([...CONDITION_TYPES]);
  });

  it('has a transient condition only while it is True; it is never False', () => {
    const state: ConditionState = { status: 'True', reason: 'A', message: 'a' };
    const previous = [...set([condition({ type: 'Reconciling', status: 'True' })], { Stalled: state })];
    expect(previous.map(({ type }) => type)).toEqual([...CONDITION_TYPES, 'Stalled']);
    expect(set(previous).map(({ type }) => type)).toEqual([...CONDITION_TYPES]);
  });

  it('keeps the conditions of other writers unchanged, after its own', () => {
    const foreign = { ...condition(), type: 'example.com/Audited' as ConditionType };
    const result = set([foreign, condition()]);
    expect(result).toHaveLength(CONDITION_TYPES.length + 1);
    expect(result.at(-1)).toEqual(foreign);
  });

  it('is idempotent', () => {
    const once = set([condition()]);
    expect(set(once)).toEqual(once);
  });
});

describe('isTrue', () => {
  it.each([
    ['a condition with the status True is true', 'True', true],
    ['a condition with the status False is not true', 'False', false],
    ['a condition with the status Unknown is not true', 'Unknown', false],
  ] as const)('%s', (_says, status, expected) => {
    expect(isTrue([condition({ status })], 'Failed')).toBe(expected);
  });

  it('is false without the condition, or without any', () => {
    expect(isTrue([condition()], 'Complete')).toBe(false);
    expect(isTrue(undefined, 'Complete')).toBe(false);
  });
});
