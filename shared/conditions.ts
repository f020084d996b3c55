/** The condition list of the status: set and get, with the transition times that the API conventions ask for. Pure. */
import type { Condition, ConditionType } from './api/types.ts';
import { CONDITION_TYPES } from './api/types.ts';

export interface ConditionState {
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

export function getCondition(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return getCondition(conditions, type)?.status === 'True';
}

/**
 * All conditions in their fixed order, each with its new state. `lastTransitionTime` stays where `status` stays, also
 * when reason or message change (api-conventions.md, "Typical status properties"). Conditions of other types that
 * somebody else wrote are kept, behind ours.
 */
export function setConditions(
  previous: readonly Condition[] | undefined,
  states: Readonly<Record<ConditionType, ConditionState>>,
  at: { readonly now: string; readonly generation: number },
): readonly Condition[] {
  const ours = CONDITION_TYPES.map((type): Condition => {
    const state = states[type];
    const known = getCondition(previous, type);
    const lastTransitionTime = known?.status === state.status ? known.lastTransitionTime : at.now;
    return {
      type,
      status: state.status,
      observedGeneration: at.generation,
      lastTransitionTime,
      reason: state.reason,
      message: state.message,
    };
  });
  const types: readonly string[] = CONDITION_TYPES;
  return [...ours, ...(previous ?? []).filter((condition) => !types.includes(condition.type))];
}
