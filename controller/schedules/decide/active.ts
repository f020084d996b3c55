/** The recorded runs: which are active, have ended, are missing, or are still to be created. */
import { MAX_ACTIVE_RUNS, type ActiveRun } from '../../../shared/api/schedule.ts';
import type { ScheduleEventDraft } from '../../../shared/api/schedule-reasons.ts';
import type { Obstacle } from './conditions.ts';
import { settleCreated, type Settled } from './created.ts';
import type { Times } from './due.ts';
import { instantOf, latest, type Facts } from './facts.ts';
import { settlePlanned } from './planned.ts';
import type { ScheduleAction } from './types.ts';

export interface Active {
  readonly runs: readonly ActiveRun[];
  readonly events: readonly ScheduleEventDraft[];
  readonly actions: readonly ScheduleAction[];
  readonly obstacle: Obstacle | undefined;
  readonly wasRunCreated: boolean;
  readonly retryAt: number | undefined;
  readonly lastSuccessfulTime: number | undefined;
}

export function activeRuns(facts: Facts, times: Times): Active {
  const byUid = new Map(facts.snapshot.runs.map((run) => [run.uid, run]));
  const recorded = facts.status.active ?? [];
  const settled = recorded.map((entry) =>
    entry.uid === undefined
      ? settlePlanned(facts, times, entry)
      : settleCreated(facts, { ...entry, uid: entry.uid }, byUid.get(entry.uid)),
  );
  const kept = settled.flatMap(({ entry }) => entry ?? []);
  return {
    runs: [...kept, ...unrecorded(facts, recorded, settled)].toSorted(byTime),
    events: settled.flatMap(({ events }) => events),
    actions: settled.flatMap(({ action }) => action ?? []),
    obstacle: settled.find(({ obstacle }) => obstacle !== undefined)?.obstacle,
    wasRunCreated: settled.some(({ wasCreated }) => wasCreated),
    retryAt: settled.find(({ retryAt }) => retryAt !== undefined)?.retryAt,
    lastSuccessfulTime: lastSuccess(facts),
  };
}

const byTime = (a: ActiveRun, b: ActiveRun): number =>
  (instantOf(a.scheduledTime) ?? 0) - (instantOf(b.scheduledTime) ?? 0) || (a.name < b.name ? -1 : 1);

/** Its own active runs that a lost status has forgotten. */
function unrecorded(
  { snapshot }: Facts,
  recorded: readonly ActiveRun[],
  settled: readonly Settled[],
): readonly ActiveRun[] {
  const uids = new Set([...recorded, ...settled.flatMap(({ entry }) => entry ?? [])].map(({ uid }) => uid));
  const names = new Set(settled.flatMap(({ entry }) => entry?.name ?? []));
  return snapshot.runs
    .filter(({ state, uid, name }) => state === 'Active' && !uids.has(uid) && !names.has(name))
    .slice(0, Math.max(0, MAX_ACTIVE_RUNS - recorded.length))
    .map(({ name, uid, scheduledTime, creationTimestamp }) => ({
      name,
      uid,
      scheduledTime: instantOf(scheduledTime) === undefined ? creationTimestamp : (scheduledTime ?? creationTimestamp),
    }));
}

function lastSuccess({ snapshot, status }: Facts): number | undefined {
  const times = snapshot.runs.map(({ state, completionTime }) =>
    state === 'Completed' ? instantOf(completionTime) : undefined,
  );
  return latest(instantOf(status.lastSuccessfulTime), ...times);
}
