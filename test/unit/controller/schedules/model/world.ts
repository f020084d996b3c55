/** A schedule, its users, its cluster and its controllers. */
import assert from 'node:assert/strict';
import type { SchedulePolicy } from '../../../../../shared/api/schedule.ts';
import { parseSchedule } from '../../../../../shared/schedule/calendar.ts';
import { runName } from '../../../../../shared/schedule/run-name.ts';
import { toTimestamp } from '../../../../../shared/api/time.ts';
import { Controller, Crash, type Trouble } from './controller.ts';
import { Law } from './law.ts';
import { NAME } from './scenario.ts';
import { Server, type StoredRun } from './server.ts';

/** Wake-ups in one advance of the clock; then the controllers are slow. */
const MAX_WAKES = 6;

export class World {
  readonly law = new Law();
  readonly server: Server;
  /** The second one has lost its lease, and does not know. */
  readonly controllers: (Controller | undefined)[];

  constructor(policy: SchedulePolicy) {
    this.server = new Server(policy, this.law);
    this.law.server = this.server;
    this.controllers = [new Controller(this.server), undefined];
  }

  reconcile(which: number, trouble?: Trouble): void {
    const controller = this.controllers[which];
    if (controller === undefined) return;
    try {
      controller.reconcile(trouble);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.restart(which);
    }
  }

  loseStatus(): void {
    this.server.loseStatus();
    this.law.onStatusLost();
    // Whoever has seen the status would go on from it, and runs that go before they are seen again leave no trace.
    this.stop(1);
    this.restart(0);
    this.settle(0);
  }

  restart(which: number): void {
    this.controllers[which] = new Controller(this.server);
  }

  stop(which: number): void {
    this.controllers[which] = undefined;
  }

  /** On fresh caches and without trouble: then all that is promised holds, and nothing is left to do. */
  settle(which: number): void {
    const controller = this.controllers[which];
    if (controller === undefined) return;
    controller.syncObject();
    controller.syncRuns();
    assert.ok(controller.reconcile(), 'cut short without trouble');
    this.law.checkAtRest(controller.wakeAt);
    controller.syncRuns();
    const { events } = controller;
    const told = events.length;
    assert.ok(controller.reconcile());
    const isTryingAgain = this.server.object.status?.active?.some(({ uid }) => uid === undefined) === true;
    assert.ok(
      isTryingAgain || controller.requests === 0,
      `${controller.requests} requests though nothing is to be done`,
    );
    assert.equal(events.length, told, 'an event though nothing has happened');
  }

  /** The clock goes on; controllers wake when they have asked for it. */
  advance(ms: number): void {
    const end = this.server.nowMs + ms;
    for (let wakes = 0; wakes < MAX_WAKES; wakes++) {
      const at = this.controllers[0]?.wakeAt;
      if (at === undefined || at > end) break;
      this.#setClock(Math.max(at, this.server.nowMs));
      this.settle(0);
    }
    this.#setClock(end);
  }

  #setClock(ms: number): void {
    this.server.nowMs = ms;
    this.law.latestMs = Math.max(this.law.latestMs, ms);
  }

  /** The clock of the machines is set; nobody is woken. */
  jump(ms: number): void {
    this.#setClock(this.server.nowMs + ms);
  }

  /** The time to the next time of the schedule, and a bit. */
  untilNext(extraMs: number): number {
    const { spec, status } = this.server.object;
    const parsed = parseSchedule(spec.schedule, spec.timeZone);
    const from = Date.parse(status?.nextScheduleTime ?? '');
    const next = from > this.server.nowMs ? from : parsed.ok ? parsed.calendar.next(this.server.nowMs) : undefined;
    return Math.max(0, (next ?? this.server.nowMs + 60_000) - this.server.nowMs + extraMs);
  }

  changeRun(nth: number, change: (run: StoredRun) => Partial<StoredRun>): void {
    const runs = [...this.server.runs.values()];
    const run = runs[nth % Math.max(1, runs.length)];
    if (run?.state === 'Active') this.server.changeRun(run, change(run));
  }

  finish(nth: number, state: 'Completed' | 'Failed'): void {
    this.changeRun(nth, () => ({ state, completionTime: toTimestamp(this.server.nowMs) }));
  }

  finishAll(): void {
    for (let nth = 0; nth < this.server.runs.size; nth++) this.finish(nth, 'Completed');
  }

  /** A user deletes a run, whatever its state. */
  deleteByUser(nth: number): void {
    this.changeRun(nth, () => ({ isBeingDeleted: true }));
  }

  /**
   * The Jobs of the runs that are being deleted are gone. The operator itself lets a run go, by its finalizer: only while it
   * runs, and it has seen the run. So a run whose creation is not recorded does not vanish unseen.
   */
  collect(): void {
    const controller = this.controllers[0];
    if (controller === undefined) return;
    controller.syncObject();
    controller.syncRuns();
    this.reconcile(0);
    for (const run of this.server.runs.values()) if (run.isBeingDeleted) this.server.runs.delete(run.name);
  }

  /** Somebody takes the name of the next run. */
  takeName(isBeingDeleted: boolean): void {
    const name = runName(NAME, toTimestamp(this.server.nowMs + this.untilNext(0)));
    if (this.server.runs.has(name) || this.law.created.has(name)) return;
    this.server.changeRun(this.server.putRun(name, { isOwn: false }), { isBeingDeleted });
  }

  /** `kubectl create --from`, with the schedule as its controller. */
  createByHand(nth: number): void {
    const name = `by-hand-${nth}`;
    if (!this.server.runs.has(name)) this.server.putRun(name, { isOwn: true });
  }
}
