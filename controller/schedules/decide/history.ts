/** The finished runs beyond `successfulJobsHistoryLimit` and `failedJobsHistoryLimit` are deleted, the oldest first. */
import { instantOf, type Facts } from './facts.ts';
import type { Run, ScheduleAction } from './types.ts';

/** In one action; the rest follows with the next decision. */
const MAX_DELETED = 50;

/** Only runs whose end is recorded: else it could not be told any more how they have ended. */
export function trimHistory(facts: Facts): readonly ScheduleAction[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = facts.policy;
  const excess = [
    ...beyond(facts, 'Completed', successfulJobsHistoryLimit),
    ...beyond(facts, 'Failed', failedJobsHistoryLimit),
  ];
  if (excess.length === 0) return [];
  const recorded = new Set((facts.status.active ?? []).map(({ name }) => name));
  if (excess.some(({ name }) => recorded.has(name))) return [{ type: 'RecordStatus' }];
  return [{ type: 'DeleteRuns', runs: excess.slice(0, MAX_DELETED), because: 'HistoryLimit' }];
}

function beyond({ snapshot }: Facts, state: Run['state'], limit: number): readonly Run[] {
  const finished = snapshot.runs.filter((run) => run.state === state && !run.isBeingDeleted);
  return finished.toSorted(byAge).slice(0, Math.max(0, finished.length - limit));
}

const timeOf = (run: Run): number => instantOf(run.scheduledTime) ?? instantOf(run.creationTimestamp) ?? 0;

const byAge = (a: Run, b: Run): number => timeOf(a) - timeOf(b) || (a.name < b.name ? -1 : 1);
