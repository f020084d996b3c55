/** Stories that random worlds seldom tell: each was a fault once, and keeps every promise now. */
import { expect, it } from '@jest/globals';
import { calm } from './model/end.ts';
import { make, type Move, type Outside } from './model/moves.ts';
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

const VISIT: Move = { type: 'reconcile' };
const RENAME: Move = { type: 'wish', wish: { field: 'steps', edit: 'rename', index: 0 }, bypass: true };
const RESUME: Move = { type: 'wish', wish: { field: 'resume' }, bypass: false };
const DRAIN: Move = { type: 'disrupt', how: 'deleted' };
const HOLD: Move = { type: 'hold create' };
const LAND: Move = { type: 'land' };
const CLEAN: Move = { type: 'clean' };
const DELETE_JOB: Move = { type: 'delete job', how: 'background' };
const ORPHAN: Move = { type: 'delete job', how: 'orphan' };
const MEND: Move = { type: 'wish', wish: { field: 'steps', edit: 'mend', index: 0 }, bypass: false };
const REST: Move = { type: 'rest', seconds: 3 };
const PASS: Move = { type: 'pass', seconds: 40 };
const TROUBLE: Move = { type: 'mishap', skip: 0, mishap: { type: 'fault', code: 'ServerError', after: false } };
const SPEC: Move = { type: 'sync', cache: 'sequentialJobs' };
const JOBS: Outside & Move = { type: 'sync', cache: 'jobs' };

const newer = (since: '1.22' | '1.29' | '1.31', grace = 5): Scenario['server'] => ({
  jobController: 'newer',
  suspendsJobs: true,
  since,
  grace,
  exitsCleanly: false,
});

const between = (skip: number, move: Outside): Move => ({ type: 'meanwhile', skip, move });

const scenario: Scenario = {
  steps: [{ courses: [ENDLESS], onFailure: 'Continue' }, { courses: [] }],
  backoffLimit: 2,
  suspend: false,
  admitted: true,
  secret: 'none',
  server: newer('1.31'),
};

/** Both of its steps succeed, and two run after them. */
const cleaned: Scenario = {
  ...scenario,
  steps: [{ courses: [] }, { courses: [] }],
  finally: [{ courses: [] }, { courses: [ENDLESS], onFailure: 'Continue' }],
};

const old: Scenario['server'] = { jobController: 'old', suspendsJobs: false, announces: false };

/** Moves that are repeated. */
const times = (count: number, ...moves: readonly Move[]): readonly Move[] =>
  Array.from({ length: count }, () => moves).flat();

/** It is suspended, its Pod goes, and it is let go on. */
const BREAK: readonly Move[] = [ROUND, ROUND, SUSPEND, ...times(9, ROUND), LET_GO, ROUND, ROUND];

const STORIES: Readonly<Record<string, Story>> = {
  'a user deletes a Pod that keeps running for its grace period': {
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'disrupt', how: 'deleted' }, ...Array.from({ length: 4 }, () => ADVANCE)],
  },
  'a step is suspended, and its Pod terminates within its grace period': {
    scenario,
    moves: [ROUND, ROUND, ROUND, SUSPEND, ROUND, ROUND],
  },
  'the watch has not reported the Pod that terminates within its grace period': {
    scenario,
    moves: [ROUND, ADVANCE, ADVANCE, SUSPEND, SPEC, { type: 'reconcile' }, ADVANCE, JOBS, { type: 'reconcile' }],
  },
  'the Job does not count the Pod that terminates within its grace period, and the watch has not reported it': {
    scenario: { ...scenario, server: newer('1.22') },
    moves: [ROUND, ADVANCE, ADVANCE, SUSPEND, SPEC, { type: 'reconcile' }, ADVANCE, JOBS, { type: 'reconcile' }],
  },
  'a new process has not listed the Pods yet, and a deleted Job has left one': {
    scenario,
    moves: [ROUND, ROUND, ROUND, DELETE_JOB, ROUND, RESTART, { type: 'reconcile' }],
  },
  'a Job is deleted and its Pod orphaned, and a new process finds only the label of the Job': {
    scenario,
    moves: [ROUND, ROUND, ROUND, ORPHAN, RESTART, ROUND, ROUND],
  },
  'a Job is deleted and its Pod orphaned, and the process that saw the owner reference keeps running': {
    scenario,
    moves: [ROUND, ROUND, ROUND, ROUND, ORPHAN, ROUND, ROUND],
  },
  'a sequence is suspended while the Pod of a deleted Job with onFailure: Continue terminates': {
    scenario,
    moves: [ROUND, ROUND, ROUND, DELETE_JOB, SUSPEND, ROUND, ROUND],
  },
  'the watch has not reported a Pod that the controller has listed': {
    scenario: { ...scenario, server: old },
    moves: [ROUND, ADVANCE, ADVANCE, DELETE_JOB, JOBS, VISIT, VISIT, VISIT],
  },
  'a Job is deleted right after it has completed, and the watch reports both at once': {
    scenario: { ...scenario, steps: [{ courses: [] }, { courses: [] }] },
    moves: [ROUND, ROUND, ADVANCE, ADVANCE, ADVANCE, ADVANCE, ADVANCE, CLEAN, ROUND],
  },
  'a Job completes and is deleted while the controller suspends it': {
    scenario: { ...scenario, steps: [{ courses: [] }, { courses: [] }] },
    moves: [ROUND, ROUND, ROUND, ...times(5, ADVANCE), CLEAN, SUSPEND, SPEC, between(0, JOBS), VISIT],
  },
  'a step is renamed, and then a create request that had timed out takes effect': {
    scenario,
    moves: [HOLD, ROUND, RENAME, ROUND, ROUND, LAND, ADVANCE, ROUND, ROUND, SUSPEND, ROUND],
  },
  'a create request that had timed out takes effect while the step is suspended': {
    scenario,
    moves: [
      HOLD,
      ROUND,
      RENAME,
      ...times(4, ROUND),
      SUSPEND,
      ...times(6, ROUND),
      LAND,
      ...times(3, ADVANCE),
      ROUND,
      ROUND,
    ],
  },
  'a create request that had timed out takes effect while the step is suspended, and the sequence is unsuspended': {
    scenario,
    moves: [
      [HOLD, ROUND, RENAME, ...times(4, ROUND), SUSPEND, ...times(8, ROUND), LAND, ...times(3, ADVANCE)],
      [ROUND, LET_GO, ...times(4, ROUND)],
    ].flat(),
  },
  'a create request that had timed out takes effect after the sequence has ended': {
    scenario: { ...scenario, deadline: 5, steps: [{ courses: [] }, { courses: [ENDLESS] }] },
    moves: [...times(4, ROUND), HOLD, ROUND, PASS, ROUND, LAND, ROUND],
  },
  'a create request that had timed out takes effect after a resume': {
    scenario: { ...scenario, deadline: 5, steps: [{ courses: [] }, { courses: [ENDLESS] }] },
    moves: [...times(4, ROUND), HOLD, ROUND, PASS, ROUND, RESUME, SPEC, VISIT, LAND, JOBS, VISIT, ...times(3, ROUND)],
  },
  'a process with a stale cache regards the Job of a step as a stray Job': {
    scenario: { ...scenario, flaw: { type: 'refused', index: 0 } },
    moves: [
      ROUND,
      ROUND,
      MEND,
      SPEC,
      { type: 'restart', stale: true },
      ...times(4, { type: 'stale reconcile' }),
      JOBS,
      VISIT,
    ],
  },
  'a sequence is suspended while a drained Pod terminates': {
    scenario: { ...scenario, steps: [{ courses: [] }, { courses: [] }], server: newer('1.22', 9) },
    moves: [ROUND, ROUND, DRAIN, ...times(6, ADVANCE), SUSPEND, ROUND, ROUND],
  },
  'the next step waits for a drained Pod': {
    scenario: { ...scenario, steps: [{ courses: [] }, { courses: [] }], server: newer('1.22', 9) },
    moves: [ROUND, ROUND, DRAIN, ...times(6, ADVANCE), ROUND, ROUND],
  },
  'the watch has not reported that a Pod was drained': {
    scenario: { ...scenario, steps: [{ courses: [] }, { courses: [] }], server: newer('1.22', 9) },
    moves: [ROUND, ROUND, DRAIN, ...times(6, ADVANCE), JOBS, VISIT, VISIT],
  },
  'a sequence is resumed while a Pod of a deleted Job terminates': {
    scenario: { ...scenario, steps: [{ courses: [ENDLESS] }] },
    moves: [ROUND, ROUND, ROUND, DELETE_JOB, ROUND, RESUME, ROUND, ROUND],
  },
  'another client keeps unsuspending a suspended Job': {
    scenario,
    moves: [ROUND, ROUND, ROUND, { type: 'quarrel', times: 7, seconds: 20 }],
  },
  'suspensions delete Pods before and after a restart': {
    scenario,
    moves: [ROUND, ROUND, ...times(2, ...BREAK), RESTART, ...times(3, ...BREAK)],
  },
  'a suspension deletes a Pod, and the status cannot be written': {
    scenario: { ...scenario, steps: [{ courses: [{ failures: 1, ends: true }] }], server: old },
    moves: [
      [ROUND, ADVANCE, ROUND, ROUND, ROUND, ROUND],
      [between(0, { type: 'wish', wish: { field: 'ttlSecondsAfterFinished', value: 9 }, bypass: false }), ADVANCE],
      [REST],
    ].flat(),
  },
  'an action fails while the watch reports another Pod': {
    scenario: { ...scenario, deadline: 1, steps: [{ courses: [{ failures: 1, ends: false }] }], server: old },
    moves: [
      [ROUND, ROUND, ROUND, ADVANCE, PASS, ADVANCE, ADVANCE],
      [TROUBLE, ROUND],
    ].flat(),
  },
  'the watch has not reported the Pod of a deleted Job': {
    scenario: { ...scenario, server: old },
    moves: [ROUND, ADVANCE, SUSPEND, DELETE_JOB, { type: 'reconcile' }, LET_GO, SPEC, { type: 'reconcile' }],
  },
  'the first Job of finally is rejected, and the next one starts': {
    scenario: { ...cleaned, flaw: { type: 'refused', index: 0, inFinally: true } },
    moves: times(20, ROUND),
  },
  'finally has run after a rejection, and the step is mended': {
    scenario: { ...cleaned, updatePolicy: 'FutureSteps', flaw: { type: 'refused', index: 1 } },
    moves: [...times(25, ROUND), { type: 'wish', wish: { field: 'steps', edit: 'mend', index: 1 }, bypass: false }],
  },
  'a step is mended while finally runs after its rejection': {
    scenario: { ...cleaned, updatePolicy: 'FutureSteps', flaw: { type: 'refused', index: 1 } },
    moves: [
      ...times(7, ROUND),
      { type: 'wish', wish: { field: 'steps', edit: 'mend', index: 1 }, bypass: true },
      ...times(20, ROUND),
    ],
  },
  'a step of finally is suspended while a create request of the next one is lost': {
    scenario: cleaned,
    moves: [...times(10, ROUND), HOLD, ROUND, REST, ROUND, LAND, ...times(5, ROUND), RESTART],
  },
};

async function play({ scenario: begin, moves }: Story): Promise<void> {
  const world = new World(begin);
  for (const move of moves) await make(move, world);
  await calm(world);
}

it.each(Object.entries(STORIES))('all invariants hold if %s', async (_, story) => {
  await expect(play(story)).resolves.toBeUndefined();
});
