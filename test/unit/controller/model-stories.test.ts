/** Stories that random worlds seldom tell: each was a fault once, and keeps every promise now. */
import { expect, it } from '@jest/globals';
import { calm } from './model/end.ts';
import { make, type Move } from './model/moves.ts';
import type { Course, Scenario } from './model/scenario.ts';
import { World } from './model/world.ts';

interface Story {
  readonly scenario: Scenario;
  readonly moves: readonly Move[];
}

const ENDLESS: Course = { failures: 0, ends: false };
const ROUND: Move = { type: 'round' };
const ADVANCE: Move = { type: 'advance' };
const RESTART: Move = { type: 'restart', stale: false };
const SUSPEND: Move = { type: 'wish', wish: { field: 'suspend', value: true }, bypass: false };
const LET_GO: Move = { type: 'wish', wish: { field: 'suspend', value: false }, bypass: false };

const SPEC: Move = { type: 'sync', cache: 'sequentialJobs' };
const JOBS: Move = { type: 'sync', cache: 'jobs' };

const newer = (since: '1.22' | '1.29' | '1.31'): Scenario['server'] => ({
  jobController: 'newer',
  suspendsJobs: true,
  since,
  grace: 5,
  exitsCleanly: false,
});

const scenario: Scenario = {
  steps: [{ courses: [ENDLESS], onFailure: 'Continue' }, { courses: [] }],
  backoffLimit: 2,
  suspend: false,
  admitted: true,
  secret: 'none',
  server: newer('1.31'),
};

const old: Scenario['server'] = { jobController: 'old', suspendsJobs: false, announces: false };

const STORIES: Readonly<Record<string, Story>> = {
  'somebody deletes a Pod that runs on for its grace period': {
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'disrupt', how: 'deleted' }, ...Array.from({ length: 4 }, () => ADVANCE)],
  },
  'the Pod of a step that is suspended has its grace period': {
    scenario,
    moves: [ROUND, ROUND, ROUND, SUSPEND, ROUND, ROUND],
  },
  'the watch of Pods has not told of the Pod that has its grace period': {
    scenario,
    moves: [ROUND, ADVANCE, ADVANCE, SUSPEND, SPEC, { type: 'visit' }, ADVANCE, JOBS, { type: 'visit' }],
  },
  'the Job does not count the Pod that has its grace period, and the watch of Pods has not told of it': {
    scenario: { ...scenario, server: newer('1.22') },
    moves: [ROUND, ADVANCE, ADVANCE, SUSPEND, SPEC, { type: 'visit' }, ADVANCE, JOBS, { type: 'visit' }],
  },
  'a new process has not listed the Pods yet, one of which is left of a Job that was deleted': {
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'delete job', foreground: false }, ROUND, RESTART, { type: 'visit' }],
  },
  'a sequence is suspended while the Pod ends of a Job that was deleted and passed over': {
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'delete job', foreground: false }, SUSPEND, ROUND, ROUND],
  },
  'the watch of Pods has not told of the Pod of a Job that was deleted': {
    scenario: { ...scenario, server: old },
    moves: [
      ROUND,
      ADVANCE,
      SUSPEND,
      { type: 'delete job', foreground: false },
      { type: 'visit' },
      LET_GO,
      SPEC,
      { type: 'visit' },
    ],
  },
};

async function play({ scenario: begin, moves }: Story): Promise<void> {
  const world = new World(begin);
  for (const move of moves) await make(move, world);
  await calm(world);
}

it.each(Object.entries(STORIES))('every promise is kept though %s', async (_, story) => {
  await expect(play(story)).resolves.toBeUndefined();
});
