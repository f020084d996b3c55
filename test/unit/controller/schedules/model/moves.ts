/** What may happen in a world, at random. */
import * as fc from 'fast-check';
import type { SchedulePolicy } from '../../../../../shared/api/schedule.ts';
import type { Fate, Trouble } from './controller.ts';
import { concurrency, deadlines, limits, schedules, zones } from './scenario.ts';
import type { Mood } from './server.ts';
import type { World } from './world.ts';

/** Shown in a counterexample by its words. */
export class Move {
  readonly words: string;
  readonly make: (world: World) => void;

  constructor(words: string, make: (world: World) => void) {
    this.words = words;
    this.make = make;
  }

  toString(): string {
    return this.words;
  }
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

const which = fc.constantFrom(0, 0, 1);
const nth = fc.nat({ max: 5 });
const request = fc.nat({ max: 4 });
const fates = fc.constantFrom<Fate>('lost', 'unanswered', 'lost and crash', 'unanswered and crash');
const short = fc.constantFrom(0, 1, 999, 1000, 10 * SECOND, 11 * SECOND, 61 * SECOND, 91 * SECOND);
const long = fc.constantFrom(HOUR, 3 * HOUR, DAY, 8 * DAY, 40 * DAY, 500 * DAY);

const time = fc.oneof(
  short.map((ms) => new Move(`${ms} ms pass`, (world) => world.advance(ms))),
  short.map((ms) => new Move(`the next time comes, and ${ms} ms`, (world) => world.advance(world.untilNext(ms)))),
  short.map(
    (ms) => new Move(`unnoticed, the next time comes, and ${ms} ms`, (world) => world.jump(world.untilNext(ms))),
  ),
  long.map((ms) => new Move(`${ms / HOUR} h pass`, (world) => world.advance(ms))),
  long.map((ms) => new Move(`unnoticed, ${ms / HOUR} h pass`, (world) => world.jump(ms))),
);

const clockJump = fc
  .constantFrom(-SECOND, -61 * SECOND, -HOUR, -DAY)
  .map((ms) => new Move(`the clock is set by ${ms} ms`, (world) => world.jump(ms)));

/** The answer to the creation is lost, and the run is not seen until a later time has come. */
const unseenRun = fc.tuple(request, short).map(
  ([at, ms]) =>
    new Move(`the next time comes, request ${at} is unanswered, the one behind it comes, and ${ms} ms`, (world) => {
      world.advance(0);
      world.settle(0);
      world.jump(world.untilNext(ms));
      world.reconcile(0, { request: at, fate: 'unanswered' });
      world.jump(world.untilNext(ms));
      world.controllers[0]?.syncObject();
      world.reconcile(0);
    }),
);

const controllers = fc.oneof(
  unseenRun,
  fc.constant(new Move('controller 0 settles', (world) => world.settle(0))),
  which.map((i) => new Move(`controller ${i} reconciles`, (world) => world.reconcile(i))),
  which.map((i) => new Move(`controller ${i} sees the object`, (world) => world.controllers[i]?.syncObject())),
  which.map((i) => new Move(`controller ${i} sees the runs`, (world) => world.controllers[i]?.syncRuns())),
  which.map((i) => new Move(`controller ${i} restarts`, (world) => world.restart(i))),
  which.map((i) => new Move(`controller ${i} stops`, (world) => world.stop(i))),
  fc.record({ request, fate: fates }).map((trouble) => {
    const words = `controller 0 reconciles, request ${trouble.request} is ${trouble.fate}`;
    return new Move(words, (world) => world.reconcile(0, trouble));
  }),
  fc.tuple(which, request).map(([i, at]) => {
    const words = `controller ${i} reconciles, before request ${at} the other one does`;
    return new Move(words, (world) => world.reconcile(i, { request: at, meanwhile: () => world.reconcile(1 - i) }));
  }),
);

const specChange: fc.Arbitrary<Partial<SchedulePolicy>> = fc.oneof(
  schedules.map((schedule) => ({ schedule })),
  zones.map((timeZone) => ({ timeZone })),
  deadlines.map((startingDeadlineSeconds) => ({ startingDeadlineSeconds })),
  concurrency.map((concurrencyPolicy) => ({ concurrencyPolicy })),
  fc.boolean().map((suspend) => ({ suspend })),
  limits.map((successfulJobsHistoryLimit) => ({ successfulJobsHistoryLimit })),
  limits.map((failedJobsHistoryLimit) => ({ failedJobsHistoryLimit })),
) as fc.Arbitrary<Partial<SchedulePolicy>>;

const users = fc.oneof(
  specChange.map(
    (change) => new Move(`the spec gets ${JSON.stringify(change)}`, (world) => world.server.changeSpec(change)),
  ),
  fc.tuple(specChange, request).map(([change, at]) => {
    const trouble = (world: World): Trouble => ({ request: at, meanwhile: () => world.server.changeSpec(change) });
    const words = `controller 0 reconciles, before request ${at} the spec gets ${JSON.stringify(change)}`;
    return new Move(words, (world) => world.reconcile(0, trouble(world)));
  }),
  fc.constant(new Move('the status is lost', (world) => world.loseStatus())),
  nth.map((i) => new Move(`run ${i} is deleted by a user`, (world) => world.deleteByUser(i))),
  nth.map((i) => new Move(`a run ${i} is created by hand`, (world) => world.createByHand(i))),
  fc
    .boolean()
    .map((goes) => new Move(`the next name is taken${goes ? ', not for long' : ''}`, (world) => world.takeName(goes))),
);

const cluster = fc.oneof(
  fc
    .tuple(nth, fc.constantFrom('Completed', 'Failed'))
    .map(([i, state]) => new Move(`run ${i} is ${state}`, (world) => world.finish(i, state))),
  fc.constant(new Move('what is being deleted is gone', (world) => world.collect())),
  fc.constantFrom<Mood>('willing', 'willing', 'quota', 'rejecting').map(
    (mood) =>
      new Move(`the API server is ${mood}`, (world) => {
        world.server.mood = mood;
      }),
  ),
);

export const calmMoves = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: time },
    cluster,
    fc.constant(new Move('controller 0 settles', (world) => world.settle(0))),
  ),
  { maxLength: 25 },
);
export const allMoves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: time },
    { weight: 6, arbitrary: controllers },
    { weight: 4, arbitrary: cluster },
    { weight: 3, arbitrary: users },
    { weight: 1, arbitrary: clockJump },
  ),
  { maxLength: 40 },
);
