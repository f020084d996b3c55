/** The condition list of the status: set and get, with the transition times that the API conventions ask for. Pure. */
import {
  type Condition,
  CONDITION_TYPES,
  type ConditionType,
  TRANSIENT_CONDITION_TYPES,
  type TransientConditionType,
} from './api/types.ts';

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

/** The state of every condition that is always present, and of those others that are True. */
export type ConditionStates = Readonly<Record<(typeof CONDITION_TYPES)[number], ConditionState>> &
  Readonly<Partial<Record<TransientConditionType, ConditionState>>>;

const TYPES: readonly ConditionType[] = [...CONDITION_TYPES, ...TRANSIENT_CONDITION_TYPES];

/** Whether a condition is one of ours. */
export const isOwnCondition = ({ type }: Condition): boolean => TYPES.includes(type);

/**
 * The conditions in their fixed order, each with its new state; a type without one is left out. `lastTransitionTime` stays where `status` stays, also
 * when reason or message change (api-conventions.md, "Typical status properties"). Conditions of other types that
 * somebody else wrote are kept, behind ours.
 */
export function setConditions(
  previous: readonly Condition[] | undefined,
  states: ConditionStates,
  at: { readonly now: string; readonly generation: number },
): readonly Condition[] {
  const ours = TYPES.flatMap((type): Condition[] => {
    const state = states[type];
    if (state === undefined) return [];
    const { status, reason, message } = state;
    const known = getCondition(previous, type);
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : at.now;
    return [{ type, status, observedGeneration: at.generation, lastTransitionTime, reason, message }];
  });
  return [...ours, ...(previous ?? []).filter((condition) => !isOwnCondition(condition))];
}
