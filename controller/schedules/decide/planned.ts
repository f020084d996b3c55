/** A run that is recorded and of which it is not known if it was created: it is created, or its time is given up. */
import type { ActiveRun } from '../../../shared/api/schedule.ts';
import {
  SCHEDULE_EVENT,
  SCHEDULE_MESSAGE,
  SCHEDULE_REASON,
  type MissCause,
} from '../../../shared/api/schedule-reasons.ts';
import type { Obstacle } from './conditions.ts';
import { settleCreated, type Settled } from './created.ts';
import type { Times } from './due.ts';
import { missed, normal, warning } from './events.ts';
import { instantOf, isLate, lateFrom, shown, type Facts } from './facts.ts';
import type { Run } from './types.ts';

const MIN_RETRY_MS = 30_000;
const MAX_RETRY_MS = 300_000;

export function settlePlanned(facts: Facts, times: Times, entry: ActiveRun): Settled {
  const run = facts.snapshot.runs.find(({ name }) => name === entry.name);
  if (run !== undefined) return created(facts, entry, run);
  const { name } = entry;
  const finding = facts.snapshot.findings[name];
  const cause = causeToGiveUp(facts, times, entry);
  switch (finding?.type) {
    case undefined:
      return cause === undefined ? create(entry) : { entry, events: [], action: { type: 'ConfirmRun', name } };
    case 'notFound':
      return cause === undefined ? create(entry) : giveUp(facts, entry, cause);
    case 'rejected': {
      const message = SCHEDULE_MESSAGE.runRejected(name, finding.message);
      return drop({ reason: SCHEDULE_REASON.runRejected, message }, SCHEDULE_EVENT.runRejected);
    }
    case 'nameConflict': {
      if (finding.isBeingDeleted) {
        const message = SCHEDULE_MESSAGE.runNameStillTaken(name);
        return wait(facts, { entry, cause, obstacle: { reason: SCHEDULE_REASON.runNameConflict, message } });
      }
      const message = SCHEDULE_MESSAGE.runNameConflict(name, finding.owner);
      return drop({ reason: SCHEDULE_REASON.runNameConflict, message }, SCHEDULE_EVENT.runNameConflict);
    }
    case 'postponed': {
      const message = SCHEDULE_MESSAGE.runPostponed(name, finding.message);
      return wait(facts, { entry, cause, obstacle: { reason: finding.reason, message } });
    }
    case 'exists':
      return { entry, events: [], retryAt: facts.nowMs + MIN_RETRY_MS };
  }
}

const create = (entry: ActiveRun): Settled => ({
  entry,
  events: [],
  action: { type: 'CreateRun', name: entry.name, scheduledTime: entry.scheduledTime },
});

function created(facts: Facts, entry: ActiveRun, run: Run): Settled {
  const { name, uid } = run;
  const time = instantOf(entry.scheduledTime) ?? facts.nowMs;
  const started = normal(SCHEDULE_EVENT.runStarted, SCHEDULE_MESSAGE.runStarted(name, shown(facts, time)));
  const settled = settleCreated(facts, { ...entry, uid }, run);
  return { ...settled, events: [started, ...settled.events], wasCreated: true };
}

/** Undefined while it may still be created. */
function causeToGiveUp(facts: Facts, { due }: Times, { scheduledTime }: ActiveRun): MissCause | undefined {
  const time = instantOf(scheduledTime);
  if (!facts.parsed.ok) return 'invalid';
  if (facts.policy.suspend) return 'suspended';
  if (time === undefined || (due !== undefined && due.time > time)) return 'superseded';
  return isLate(facts, time) ? 'deadline' : undefined;
}

function giveUp(facts: Facts, { scheduledTime }: ActiveRun, cause: MissCause): Settled {
  const time = instantOf(scheduledTime);
  return { entry: undefined, events: time === undefined ? [] : [missed(facts, time, cause)] };
}

/** Its time counts as used: what is refused once would be refused again. */
function drop(
  obstacle: Obstacle,
  reason: typeof SCHEDULE_EVENT.runRejected | typeof SCHEDULE_EVENT.runNameConflict,
): Settled {
  return { entry: undefined, events: [warning(reason, obstacle.message)], obstacle };
}

interface Waiting {
  readonly entry: ActiveRun;
  readonly cause: MissCause | undefined;
  readonly obstacle: Obstacle;
}

/** The later it is, the rarer it is tried again. */
function wait(facts: Facts, { entry, cause, obstacle }: Waiting): Settled {
  if (cause !== undefined) return { ...giveUp(facts, entry, cause), obstacle };
  const time = instantOf(entry.scheduledTime) ?? facts.nowMs;
  const retryAt = facts.nowMs + Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, facts.nowMs - time));
  return { entry, events: [], obstacle, retryAt: Math.min(retryAt, lateFrom(facts, time)) };
}
