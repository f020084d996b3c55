/** The conditions, with the transition times that the API conventions require. */
import {
  SCHEDULE_CONDITION_TYPES,
  type CronSequentialJobStatus,
  type ScheduleCondition,
  type ScheduleConditionType,
} from '../../../shared/api/schedule.ts';
import { RUN_OBSTACLES, SCHEDULE_MESSAGE, SCHEDULE_REASON } from '../../../shared/api/schedule-reasons.ts';
import { truncate } from '../../../shared/truncate.ts';
import type { Facts } from './facts.ts';

/** What keeps a run from being created. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
}

export const conditionOf = (
  status: CronSequentialJobStatus,
  type: ScheduleConditionType,
): ScheduleCondition | undefined => status.conditions?.find((condition) => condition.type === type);

/** What is wrong with the object itself: until it is changed, nothing is done. */
export function faultOf({ snapshot, parsed }: Facts): Obstacle | undefined {
  if (snapshot.isInOwnNamespace === true) {
    const message = SCHEDULE_MESSAGE.forbiddenNamespace(snapshot.object.metadata.namespace ?? '');
    return { reason: SCHEDULE_REASON.forbiddenNamespace, message };
  }
  if (parsed.ok) return undefined;
  return { reason: SCHEDULE_REASON.invalidSpec, message: SCHEDULE_MESSAGE.invalidSpec(parsed.field, parsed.message) };
}

/** What this decision has seen of its runs. */
export interface Seen {
  readonly obstacle: Obstacle | undefined;
  readonly wasRunCreated: boolean;
}

type State = Pick<ScheduleCondition, 'status' | 'reason' | 'message'>;

export function conditionsOf(facts: Facts, seen: Seen): readonly ScheduleCondition[] {
  const fault = faultOf(facts);
  const states: Readonly<Record<ScheduleConditionType, State | undefined>> = {
    Available: available(facts, seen),
    Suspended: facts.policy.suspend
      ? { status: 'True', reason: SCHEDULE_REASON.suspended, message: SCHEDULE_MESSAGE.suspended }
      : { status: 'False', reason: SCHEDULE_REASON.notSuspended, message: SCHEDULE_MESSAGE.notSuspended },
    Stalled: fault === undefined ? undefined : { status: 'True', ...fault },
  };
  const own = OWN_TYPES.flatMap((type) => toCondition(facts, type, states[type]));
  const others = (facts.status.conditions ?? []).filter(({ type }) => !OWN_TYPES.includes(type));
  return [...own, ...others];
}

const OWN_TYPES: readonly ScheduleConditionType[] = [...SCHEDULE_CONDITION_TYPES, 'Stalled'];

function toCondition(
  { snapshot, status, now }: Facts,
  type: ScheduleConditionType,
  state: State | undefined,
): readonly ScheduleCondition[] {
  if (state === undefined) return [];
  const existing = conditionOf(status, type);
  const { generation } = snapshot.object.metadata;
  return [
    {
      type,
      status: state.status,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      lastTransitionTime: existing?.status === state.status ? existing.lastTransitionTime : now,
      reason: state.reason,
      message: truncate(state.message),
    },
  ];
}

function available(facts: Facts, { obstacle, wasRunCreated }: Seen): State {
  const wrong = faultOf(facts) ?? obstacle ?? (wasRunCreated ? undefined : recordedObstacle(facts));
  if (wrong !== undefined) return { status: 'False', ...wrong };
  const { parsed, nowMs } = facts;
  const comes = parsed.ok && parsed.calendar.next(nowMs) !== undefined;
  const message = comes ? SCHEDULE_MESSAGE.scheduled : SCHEDULE_MESSAGE.neverComes;
  return { status: 'True', reason: SCHEDULE_REASON.scheduled, message };
}

function recordedObstacle({ snapshot, status }: Facts): Obstacle | undefined {
  const recorded = conditionOf(status, 'Available');
  const isOfThisSpec = status.observedGeneration === snapshot.object.metadata.generation;
  if (recorded?.status !== 'False' || !isOfThisSpec || !RUN_OBSTACLES.has(recorded.reason)) return undefined;
  return { reason: recorded.reason, message: recorded.message };
}
