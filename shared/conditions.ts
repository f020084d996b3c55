/** The conditions of the status: get and set, with the transition times that the API conventions require. Pure. */
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

/** The state of each condition that is always present, and of each transient condition that is True. */
export type ConditionStates = Readonly<Record<(typeof CONDITION_TYPES)[number], ConditionState>> &
  Readonly<Partial<Record<TransientConditionType, ConditionState>>>;

const OWN_TYPES: readonly ConditionType[] = [...CONDITION_TYPES, ...TRANSIENT_CONDITION_TYPES];

/** Whether the operator owns a condition of this type. */
export const isOwnCondition = ({ type }: Condition): boolean => OWN_TYPES.includes(type);

/**
 * The conditions in their fixed order, each with its new state; a transient condition without a state is left out.
 * `lastTransitionTime` changes only when `status` changes, not with reason or message (api-conventions.md, "Typical
 * status properties"). Conditions of other types, written by other clients, are kept behind the operator's own.
 */
export function setConditions(
  previous: readonly Condition[] | undefined,
  states: ConditionStates,
  at: { readonly now: string; readonly generation: number },
): readonly Condition[] {
  const own = OWN_TYPES.flatMap((type): Condition[] => {
    const state = states[type];
    if (state === undefined) return [];
    const { status, reason, message } = state;
    const existing = getCondition(previous, type);
    const lastTransitionTime = existing?.status === status ? existing.lastTransitionTime : at.now;
    return [{ type, status, observedGeneration: at.generation, lastTransitionTime, reason, message }];
  });
  return [...own, ...(previous ?? []).filter((condition) => !isOwnCondition(condition))];
}
