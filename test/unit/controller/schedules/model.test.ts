/**
 * Random worlds over years of virtual time: schedules in several zones, controllers that crash between any two requests,
 * whose answers are lost, that are down for years or work on stale caches beside another one, clocks that are set,
 * users who change the schedule, suspend it, delete runs or take their names, quotas and refusals. model/law.ts says what
 * always holds, and what holds when a controller has seen all there is.
 */
import { it } from '@jest/globals';
import * as fc from 'fast-check';
import type { SchedulePolicy } from '../../../../shared/api/schedule.ts';
import { allMoves, calmMoves, type Move } from './model/moves.ts';
import { policies } from './model/scenario.ts';
import { World } from './model/world.ts';

/** For other and more worlds: SEQUENTIALJOB_TEST_SEED=$RANDOM SCHEDULE_RUNS=50000 make test-unit ARGS=test/unit/controller/schedules/model.test.ts */
const numRuns = Number(process.env['SCHEDULE_RUNS'] ?? 1000);

function play(policy: SchedulePolicy, moves: readonly Move[]): void {
  const world = new World(policy);
  world.settle(0);
  for (const move of moves) move.make(world);
  calm(world);
}

/** All goes well again: the next times are used as if nothing had been. */
function calm(world: World): void {
  world.server.mood = 'willing';
  world.stop(1);
  world.restart(0);
  for (const stage of [0, 1, 2]) {
    world.finishAll();
    world.collect();
    world.settle(0);
    world.collect();
    world.advance(world.untilNext(stage));
    world.settle(0);
  }
}

it.each([
  ['all goes well', calmMoves, Math.ceil(numRuns / 3)],
  ['everything fails', allMoves, numRuns],
])(
  'what is promised of a schedule holds if %s',
  (_, moves, numRuns) => {
    fc.assert(fc.property(policies, moves, play), { numRuns });
  },
  120_000,
);
