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
      'a condition that is new gets the time of now',
      undefined,
      { status: 'False', reason: 'A', message: 'a' },
      { lastTransitionTime: NOW, status: 'False', reason: 'A', message: 'a' },
    ],
    [
      'a status that flips gets the time of now',
      [condition()],
      { status: 'True', reason: 'A', message: 'a' },
      { lastTransitionTime: NOW, status: 'True' },
    ],
    [
      'a status that stays keeps its time, though reason and message change',
      [condition()],
      { status: 'False', reason: 'A', message: 'a' },
      { lastTransitionTime: OLD, reason: 'A', message: 'a' },
    ],
    [
      'Unknown to False is a flip too',
      [condition({ status: 'Unknown' })],
      { status: 'False', reason: 'Quiet', message: 'nothing' },
      { lastTransitionTime: NOW },
    ],
    [
      'the generation is that of now also where nothing else changes',
      [condition()],
      { status: 'False', reason: 'Quiet', message: 'nothing' },
      { lastTransitionTime: OLD, observedGeneration: 2 },
    ],
  ])('%s', (_says, previous, state, expected) => {
    expect(getCondition(set(previous, { Failed: state }), 'Failed')).toMatchObject(expected);
  });

  it('returns all types in the fixed order, whatever the order of the input', () => {
    const previous = [condition({ type: 'Complete' }), condition({ type: 'Available' })];
    expect(set(previous).map(({ type }) => type)).toEqual([...CONDITION_TYPES]);
  });

  it('has a transient condition only while it is True: it is never False', () => {
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
    ['True is true', 'True', true],
    ['False is not', 'False', false],
    ['Unknown is not', 'Unknown', false],
  ] as const)('%s', (_says, status, expected) => {
    expect(isTrue([condition({ status })], 'Failed')).toBe(expected);
  });

  it('is false without the condition, or without any', () => {
    expect(isTrue([condition()], 'Complete')).toBe(false);
    expect(isTrue(undefined, 'Complete')).toBe(false);
  });
});
