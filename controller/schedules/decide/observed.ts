/** Since when the times of the schedule count. */
import type { ObservedSchedule } from '../../../shared/api/schedule.ts';
import { conditionOf } from './conditions.ts';
import type { Facts } from './facts.ts';

/**
 * A schedule that is new, changed or no longer suspended counts from now on: unlike a CronJob it makes up for no time
 * that was none, or that its user did not want.
 */
export function observe(facts: Facts): ObservedSchedule {
  const { status, now } = facts;
  const { metadata, spec } = facts.snapshot.object;
  const { observedSchedule } = status;
  const since = (time: string): ObservedSchedule => ({
    schedule: spec.schedule,
    ...(spec.timeZone === undefined ? {} : { timeZone: spec.timeZone }),
    since: time,
  });
  if (observedSchedule === undefined) return since(metadata.creationTimestamp ?? now);
  const isSame = observedSchedule.schedule === spec.schedule && observedSchedule.timeZone === spec.timeZone;
  return isSame && !isResumed(facts) ? observedSchedule : since(now);
}

/** Its suspension is recorded. */
export const isResumed = ({ policy, status }: Facts): boolean =>
  !policy.suspend && conditionOf(status, 'Suspended')?.status === 'True';
