/** The decision of a reconcile of a CronSequentialJob: pure, total. */
import type { CronSequentialJobStatus, ObservedSchedule } from '../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import { jsonEqual } from '../../../shared/json/json-equal.ts';
import { omitUndefined } from '../../../shared/omit-undefined.ts';
import { activeRuns, type Active } from './active.ts';
import { conditionsOf, faultOf } from './conditions.ts';
import { timesOf, type Times } from './due.ts';
import { objectEvents } from './events.ts';
import { earliest, factsOf, latest, type Facts } from './facts.ts';
import { trimHistory } from './history.ts';
import { observe } from './observed.ts';
import { start, type Start } from './start.ts';
import type { ScheduleDecision, ScheduleSnapshot } from './types.ts';

/** Timers of the runtime reach 24 days; a clock that is set must not be noticed that late. */
const MAX_REQUEUE_MS = 24 * 60 * 60 * 1000;

/**
 * Returns what to do about this snapshot at this time (Unix milliseconds). Level-based, as `decide` of a SequentialJob:
 * while there are actions, execute them and decide again on the new snapshot; then write the status and emit the events.
 *
 * Times count from the newest one that was used, from the creation, or from when the schedule began to count
 * (`status.observedSchedule`), whichever is latest. Of those that have come the newest is started, if its deadline has
 * not passed; as batch/v1 CronJob does (pkg/controller/cronjob/utils.go).
 */
export function decideSchedule(snapshot: ScheduleSnapshot, nowMs: number): ScheduleDecision {
  if (snapshot.object.metadata.deletionTimestamp !== undefined) {
    return { actions: [], status: undefined, events: [], requeueAfterMs: undefined };
  }
  const facts = factsOf(snapshot, nowMs);
  if (snapshot.isInOwnNamespace === true) return refuse(facts);
  const observed = observe(facts);
  const times = timesOf(facts, observed);
  const active = activeRuns(facts, times);
  const status = { facts, observed, times, active };
  const events = [...objectEvents(facts), ...active.events];
  // What became of the recorded runs decides what starts.
  if (active.actions.length > 0) {
    const started = { active: active.runs, events: [], actions: active.actions };
    return { actions: active.actions, status: statusOf({ ...status, started }), events, requeueAfterMs: undefined };
  }
  const started = start(facts, times.due, active.runs);
  const allEvents = [...events, ...started.events];
  const hasNews = allEvents.length > 0 || !jsonEqual(facts.status.active ?? [], started.active);
  return {
    actions: started.actions.length > 0 ? started.actions : trimHistory(facts, hasNews),
    status: statusOf({ ...status, started }),
    events: allEvents,
    requeueAfterMs: requeueAfter(nowMs, earliest(times.next, active.retryAt, started.requeueAt)),
  };
}

/** What it may have started before is left to itself. */
function refuse(facts: Facts): ScheduleDecision {
  const { status, snapshot } = facts;
  const conditions = conditionsOf(facts, { obstacle: undefined, wasRunCreated: false });
  return {
    actions: [],
    status: { ...status, ...omitUndefined({ observedGeneration: snapshot.object.metadata.generation }), conditions },
    events: objectEvents(facts),
    requeueAfterMs: undefined,
  };
}

interface Parts {
  readonly facts: Facts;
  readonly observed: ObservedSchedule;
  readonly times: Times;
  readonly active: Active;
  readonly started: Start;
}

function statusOf({ facts, observed, times, active, started }: Parts): CronSequentialJobStatus {
  const { due, next } = times;
  // A time that is new is done with: it is used, waits, or is missed.
  const since = due?.isNew === true ? { ...observed, since: toTimestamp(due.time) } : observed;
  return omitUndefined({
    observedGeneration: facts.snapshot.object.metadata.generation,
    conditions: conditionsOf(facts, { obstacle: active.obstacle, wasRunCreated: active.wasRunCreated }),
    active: started.active.length === 0 ? undefined : started.active,
    activeRuns: started.active.length,
    lastScheduleTime: timestamp(latest(times.last, started.startedTime)),
    pendingScheduleTime: timestamp(started.pendingTime ?? times.later),
    lastSuccessfulTime: timestamp(active.lastSuccessfulTime),
    nextScheduleTime: faultOf(facts) === undefined ? timestamp(next) : undefined,
    observedSchedule: since,
  });
}

const timestamp = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : toTimestamp(ms));

function requeueAfter(nowMs: number, at: number | undefined): number | undefined {
  if (at === undefined || at === Number.POSITIVE_INFINITY) return undefined;
  return Math.min(MAX_REQUEUE_MS, Math.max(0, at - nowMs));
}

export type { Run, RunFinding, ScheduleAction, ScheduleDecision, ScheduleSnapshot } from './types.ts';
