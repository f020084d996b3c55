/**
 * The powers of the newer world that the product does not stand yet: with one of them on, the model sees the fault in
 * the story that shows it; with none, the same story keeps every promise. Whoever mends one takes it off the list.
 */
import { expect, it } from '@jest/globals';
import { calm } from './model/end.ts';
import { type Gap, KNOWN_GAPS } from './model/known-gaps.ts';
import { make, type Move } from './model/moves.ts';
import type { Course, Scenario } from './model/scenario.ts';
import { World } from './model/world.ts';

interface Story {
  readonly gaps: readonly Gap[];
  readonly scenario: Scenario;
  readonly moves: readonly Move[];
  readonly fault: RegExp;
}

const ENDLESS: Course = { failures: 0, ends: false };
const ROUND: Move = { type: 'round' };
const ADVANCE: Move = { type: 'advance' };
const RESTART: Move = { type: 'restart', stale: false };
const SUSPEND: Move = { type: 'wish', wish: { field: 'suspend', value: true }, bypass: false };

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

const STORIES: Readonly<Record<string, Story>> = {
  'a Pod that somebody deletes runs beside the one that replaces it': {
    gaps: ['C3'],
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'disrupt', how: 'deleted' }, ...Array.from({ length: 4 }, () => ADVANCE)],
    fault: /^containers run at once: those of etl-0-s0-0 and etl-0-s0-1$/,
  },
  'after a restart, the next step is started beside the Pod of a Job that somebody deleted': {
    gaps: ['C5'],
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'delete job', foreground: false }, ROUND, RESTART, { type: 'visit' }],
    fault: /^etl-1-s1 was created while etl-0-s0 runs$/,
  },
  'the status says Suspended while the Pod of the step has its grace period': {
    gaps: ['C9'],
    scenario,
    moves: [ROUND, ROUND, ROUND, SUSPEND, ROUND, ROUND],
    fault: /^it is Suspended, and a Pod runs$/,
  },
};

async function play({ scenario: begin, moves }: Story, powers: readonly Gap[]): Promise<void> {
  const world = new World(begin, powers);
  for (const move of moves) await make(move, world);
  await calm(world);
}

it.each(Object.entries(STORIES))('the model sees it when %s', async (_, story) => {
  await expect(play(story, story.gaps)).rejects.toThrow(story.fault);
  await expect(play(story, [])).resolves.toBeUndefined();
});

it('each known gap has a story', () => {
  expect(Object.values(STORIES).flatMap(({ gaps }) => gaps)).toEqual(Object.keys(KNOWN_GAPS));
});
