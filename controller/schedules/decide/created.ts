/** A recorded run that was created: it is active, has ended, or is missing. */
import type { ActiveRun } from '../../../shared/api/schedule.ts';
import { SCHEDULE_EVENT, SCHEDULE_MESSAGE, type ScheduleEventDraft } from '../../../shared/api/schedule-reasons.ts';
import type { Obstacle } from './conditions.ts';
import { normal, warning } from './events.ts';
import type { Facts } from './facts.ts';
import type { Run, ScheduleAction } from './types.ts';

/** What becomes of one recorded run. */
export interface Settled {
  /** Undefined once it needs no record. */
  readonly entry: ActiveRun | undefined;
  readonly events: readonly ScheduleEventDraft[];
  /** Shows what becomes of it. */
  readonly action?: ScheduleAction;
  readonly obstacle?: Obstacle;
  readonly wasCreated?: boolean;
  /** Try to create it again at this time. */
  readonly retryAt?: number;
}

/** Of a run that is known to exist, or to have existed. */
export function settleCreated(
  facts: Facts,
  entry: ActiveRun & { readonly uid: string },
  run: Run | undefined,
): Settled {
  const { name, uid } = entry;
  if (run === undefined) {
    const finding = facts.snapshot.findings[name];
    if (finding === undefined) return { entry, events: [], action: { type: 'ConfirmRun', name, uid } };
    return finding.type === 'notFound' ? { entry: undefined, events: missing(facts, name) } : { entry, events: [] };
  }
  switch (run.state) {
    case 'Active':
      return { entry, events: [] };
    case 'Completed':
      return { entry: undefined, events: [normal(SCHEDULE_EVENT.runCompleted, SCHEDULE_MESSAGE.runCompleted(name))] };
    case 'Failed':
      return { entry: undefined, events: [warning(SCHEDULE_EVENT.runFailed, SCHEDULE_MESSAGE.runFailed(name))] };
  }
}

/** While a time waits under `Replace`, the runs that go were told to be replaced. */
function missing({ policy, status }: Facts, name: string): readonly ScheduleEventDraft[] {
  const isReplaced = policy.concurrencyPolicy === 'Replace' && status.pendingScheduleTime !== undefined;
  return isReplaced ? [] : [normal(SCHEDULE_EVENT.runMissing, SCHEDULE_MESSAGE.runMissing(name))];
}
