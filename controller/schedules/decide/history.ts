/** The finished runs beyond `successfulJobsHistoryLimit` and `failedJobsHistoryLimit` are deleted, the oldest first. */
import { instantOf, type Facts } from './facts.ts';
import type { Run, ScheduleAction } from './types.ts';

/** In one reconcile; the rest follows with the next. */
const MAX_DELETED = 50;

/**
 * The last action of all. `hasNews`: of the runs, something is not recorded yet; it is first, because a deletion may fail,
 * and because of a run that is gone it could not be told any more how it has ended.
 */
export function trimHistory(facts: Facts, hasNews: boolean): readonly ScheduleAction[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = facts.policy;
  const excess = [
    ...beyond(facts, 'Completed', successfulJobsHistoryLimit),
    ...beyond(facts, 'Failed', failedJobsHistoryLimit),
  ];
  if (excess.length === 0) return [];
  if (hasNews) return [{ type: 'RecordStatus' }];
  return [{ type: 'DeleteRuns', runs: excess.slice(0, MAX_DELETED), because: 'HistoryLimit' }];
}

function beyond({ snapshot }: Facts, state: Run['state'], limit: number): readonly Run[] {
  const finished = snapshot.runs.filter((run) => run.state === state && !run.isBeingDeleted);
  return finished.toSorted(byAge).slice(0, Math.max(0, finished.length - limit));
}

const timeOf = (run: Run): number => instantOf(run.scheduledTime) ?? instantOf(run.creationTimestamp) ?? 0;

const byAge = (a: Run, b: Run): number => timeOf(a) - timeOf(b) || (a.name < b.name ? -1 : 1);
