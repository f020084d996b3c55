/** What is promised of every schedule, checked against the API server alone, and against a naive calendar. */
import assert from 'node:assert/strict';
import type { CachedSchedule } from '../../../../../shared/api/schedule.ts';
import { SCHEDULE_DEFAULTS } from '../../../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../../../shared/api/time.ts';
import { parseSchedule } from '../../../../../shared/schedule/calendar.ts';
import { wallClock } from '../../../../support/wall-clock.ts';
import { CREATED_MS, NAME } from './scenario.ts';
import type { Server, StoredRun, Witness } from './server.ts';

const DAY = 86_400_000;

export class Law implements Witness {
  /** The names of all runs that a controller has created. */
  readonly created = new Set<string>();
  /** The schedules that a time can come from: a time that is recorded is started though the schedule has changed. */
  readonly #schedules = new Map<string, CachedSchedule['spec']>();
  /** Since when times count: the schedule was new, changed, or no longer suspended when the controller wrote its status. */
  countsFrom = CREATED_MS;
  /** The newest time that was recorded when it was too late for it: it stays missed, whatever becomes of the deadline. */
  #missedUntil = 0;
  /** The greatest time that the clock has shown. */
  latestMs = CREATED_MS;
  server: Server | undefined;

  onStatus(before: CachedSchedule, after: CachedSchedule): void {
    const server = this.#server();
    const wasSuspended = before.status?.conditions?.some(
      ({ type, status }) => type === 'Suspended' && status === 'True',
    );
    const isResumed = wasSuspended === true && after.spec.suspend !== true;
    const counted = before.status?.observedSchedule;
    const isChanged =
      counted !== undefined && (counted.schedule !== after.spec.schedule || counted.timeZone !== after.spec.timeZone);
    if (isResumed || isChanged) this.countsFrom = Math.max(CREATED_MS, server.nowMs);
    const known = new Set((before.status?.active ?? []).map(({ name }) => name));
    for (const run of after.status?.active ?? []) {
      if (run.uid === undefined && !known.has(run.name)) this.#onPlanned(after, run.name, run.scheduledTime);
    }
    this.#noteMissed(after);
    for (const type of ['lastScheduleTime', 'lastSuccessfulTime'] as const) {
      const was = before.status?.[type];
      const is = after.status?.[type];
      assert.ok(was === undefined || (is !== undefined && is >= was), `${type} went back from ${was} to ${is}`);
    }
  }

  #noteMissed({ spec }: CachedSchedule): void {
    const { nowMs } = this.#server();
    const parsed = parseSchedule(spec.schedule, spec.timeZone);
    if (!parsed.ok || spec.startingDeadlineSeconds === undefined || spec.suspend === true) return;
    const { time } = parsed.calendar.missed(Math.max(this.countsFrom, nowMs - 40 * DAY), nowMs);
    if (time !== undefined && nowMs > time + spec.startingDeadlineSeconds * 1000) this.#missedUntil = time;
  }

  /** Then only a run that still exists shows that its time is used. */
  onStatusLost(): void {
    for (const name of this.created) if (this.server?.runs.has(name) !== true) this.created.delete(name);
    this.countsFrom = CREATED_MS;
  }

  #server(): Server {
    assert.ok(this.server);
    return this.server;
  }

  #onPlanned({ spec }: CachedSchedule, name: string, scheduledTime: string): void {
    const { nowMs } = this.#server();
    const time = Date.parse(scheduledTime);
    assert.equal(name, `${NAME}-${Math.floor(time / 60_000)}`);
    assert.ok(!this.created.has(name), `${scheduledTime} is started a second time`);
    assert.ok(time <= nowMs, `${scheduledTime} has not come at ${toTimestamp(nowMs)}`);
    assert.ok(time > this.countsFrom - 1000, `${scheduledTime} is before ${toTimestamp(this.countsFrom)}`);
    assert.notEqual(spec.suspend, true);
    assert.ok(this.#isTimeOf(spec, time), `${scheduledTime} is no time of ${spec.schedule}`);
    const policy = spec.concurrencyPolicy ?? SCHEDULE_DEFAULTS.concurrencyPolicy;
    const deadline = spec.startingDeadlineSeconds;
    const isOnTime = deadline === undefined || nowMs <= time + deadline * 1000;
    assert.ok(isOnTime || policy === 'Replace', `${scheduledTime} is too late`);
    const others = this.#server()
      .ownRuns()
      .filter((run) => run.state === 'Active' && this.created.has(run.name));
    assert.ok(policy === 'Allow' || others.length === 0, `${policy}, but ${others[0]?.name} has not ended`);
    this.#schedules.set(name, spec);
  }

  #isTimeOf({ schedule, timeZone }: CachedSchedule['spec'], time: number): boolean {
    if (schedule.startsWith('@every')) return true;
    const fields = schedule === '@daily' ? '0 0 * * *' : schedule;
    return time % 60_000 === 0 && wallClock(fields, timeZone ?? 'UTC')(time);
  }

  onCreate(run: StoredRun): void {
    assert.ok(!this.created.has(run.name), `${run.name} is created a second time`);
    assert.ok(this.#schedules.has(run.name), `${run.name} is created, but not recorded`);
    assert.notEqual(this.#server().object.spec.suspend, true, 'created while suspended');
    this.created.add(run.name);
  }

  onDelete(run: StoredRun): void {
    const { object } = this.#server();
    assert.ok(run.isOwn, `${run.name} is not ours`);
    if (run.state === 'Active') assert.ok(object.status?.pendingScheduleTime !== undefined, `${run.name} is deleted`);
    else assert.ok(!object.status?.active?.some(({ uid }) => uid === run.uid), `how ${run.name} ended is not recorded`);
  }

  /** After a reconcile on fresh caches, without trouble. */
  checkAtRest(): void {
    this.#checkHistory();
    this.#checkActive();
    this.#checkNewestTime();
    this.#checkNextTime();
  }

  #checkHistory(): void {
    const { object } = this.#server();
    for (const [state, limit] of [
      ['Completed', object.spec.successfulJobsHistoryLimit ?? 3],
      ['Failed', object.spec.failedJobsHistoryLimit ?? 1],
    ] as const) {
      const kept = this.#server()
        .ownRuns()
        .filter((run) => run.state === state && !run.isBeingDeleted);
      assert.ok(kept.length <= limit, `${kept.length} runs are ${state}`);
    }
  }

  #checkActive(): void {
    const { object, mood } = this.#server();
    const recorded = (object.status?.active ?? []).filter(({ uid }) => uid !== undefined).map(({ uid }) => uid);
    const active = this.#server()
      .ownRuns()
      .filter(({ state }) => state === 'Active');
    assert.deepEqual(new Set(recorded), new Set(active.map(({ uid }) => uid)), 'status.active');
    const planned = (object.status?.active ?? []).filter(({ uid }) => uid === undefined);
    const isHindered =
      mood === 'quota' || planned.some(({ name }) => this.#server().runs.get(name)?.isBeingDeleted === true);
    assert.ok(planned.length <= (isHindered ? 1 : 0), 'a run is not created');
  }

  /** The newest time that counts and is not too late is used, unless the policy lets it wait. */
  #checkNewestTime(): void {
    const { object, nowMs, mood } = this.#server();
    const { spec, status } = object;
    const parsed = parseSchedule(spec.schedule, spec.timeZone);
    if (!parsed.ok || spec.suspend === true || nowMs < this.latestMs || mood !== 'willing') return;
    const used = Date.parse(status?.lastScheduleTime ?? '1970-01-01T00:00:00Z');
    // Intervals count from the time before, whatever became of it.
    const from = spec.schedule.startsWith('@every')
      ? Math.max(this.countsFrom, used, Date.parse(status?.observedSchedule?.since ?? ''))
      : Math.max(Math.floor(this.countsFrom / 1000) * 1000, nowMs - 40 * DAY);
    const { time } = parsed.calendar.missed(from, nowMs);
    if (time === undefined || used >= time || this.#missedUntil >= time) return;
    const deadline = spec.startingDeadlineSeconds;
    const isLate = deadline !== undefined && nowMs > time + deadline * 1000;
    const isWaiting = status?.pendingScheduleTime === toTimestamp(time);
    const isBlocked =
      spec.concurrencyPolicy !== 'Allow' &&
      this.#server()
        .ownRuns()
        .some(({ state }) => state === 'Active');
    assert.ok(isLate || (isWaiting && isBlocked), `${toTimestamp(time)} is not started at ${toTimestamp(nowMs)}`);
  }

  #checkNextTime(): void {
    const { object, nowMs } = this.#server();
    const { spec, status } = object;
    const parsed = parseSchedule(spec.schedule, spec.timeZone);
    const next = status?.nextScheduleTime;
    if (!parsed.ok || spec.suspend === true) assert.equal(next, undefined);
    else if (nowMs < this.latestMs || spec.schedule.startsWith('@every')) assert.ok(next !== undefined);
    else assert.equal(next === undefined ? undefined : Date.parse(next), parsed.calendar.next(nowMs));
  }
}
