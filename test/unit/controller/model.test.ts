/**
 * Random worlds, with an old Job controller or a newer one: Jobs that succeed, are tried again, fail or never end, Pods
 * that are deleted or evicted and run on for their grace period, Jobs that are cleaned up once they have ended, watches that
 * lag, requests that fail before or after they were carried out, or are carried out long after they were given up, quotas
 * that are full, permissions that are missing, processes that die, people who change their minds. Whatever happens, in whatever order: what is
 * promised of a sequence (model/promises.ts) holds after every move, and when the world calms down the status says what
 * was.
 */
import { it } from '@jest/globals';
import * as fc from 'fast-check';
import { calm } from './model/end.ts';
import { make, type Move } from './model/moves.ts';
import { allMoves, peopledMoves, troubledMoves } from './model/random-moves.ts';
import { type Scenario, scenario } from './model/scenario.ts';
import { World } from './model/world.ts';

/** For other and more worlds: SEED=$RANDOM MODEL_RUNS=34000 make test-unit ARGS=test/unit/controller/model.test.ts */
const numRuns = Number(process.env['MODEL_RUNS'] ?? 3500);
const TIMEOUT_MS = 60_000 + numRuns * 30;

async function play(begin: Scenario, moves: readonly Move[]): Promise<void> {
  const world = new World(begin);
  for (const move of moves) await make(move, world);
  await calm(world);
}

it.each([
  ['everything fails except users', troubledMoves],
  ['users change the objects', peopledMoves],
  ['failures and changes by users are mixed', allMoves],
])(
  'all invariants hold for every sequence if %s',
  async (_, moves) => {
    await fc.assert(fc.asyncProperty(scenario, moves, play), { numRuns });
  },
  TIMEOUT_MS,
);
