/** What may happen next, as plain data: a counterexample reads as a story. */
import * as fc from 'fast-check';
import type { Disruption } from './cluster.ts';
import { CACHES, type CacheName } from './process.ts';
import type { Mishap } from './server.ts';
import type { Wish } from './user.ts';
import type { World } from './world.ts';

const CODES = ['ServerError', 'Timeout', 'Unreachable'] as const;
const REFUSALS = ['Conflict', 'TooManyRequests'] as const;

type Fault = Exclude<Mishap, { readonly type: 'meanwhile' }>;

/** What needs no controller, and may also happen between two of its requests. */
export type Outside =
  | { readonly type: 'advance' }
  | { readonly type: 'pods run' }
  | { readonly type: 'jobs sync' }
  | { readonly type: 'disrupt'; readonly how: Disruption }
  | { readonly type: 'pass'; readonly seconds: number }
  | { readonly type: 'sync'; readonly cache: CacheName }
  | { readonly type: 'wish'; readonly wish: Wish; readonly bypass: boolean }
  | { readonly type: 'delete' }
  | { readonly type: 'delete job'; readonly foreground: boolean }
  | { readonly type: 'secret' }
  | { readonly type: 'quota'; readonly on: boolean };

export type Move =
  | Outside
  /** All caches, a visit, the Jobs: what goes on when nothing is amiss. */
  | { readonly type: 'round' }
  /** It is suspended, stands still for a while, and is let go. */
  | { readonly type: 'rest'; readonly seconds: number }
  | { readonly type: 'visit' }
  | { readonly type: 'stale visit' }
  | { readonly type: 'restart'; readonly stale: boolean }
  | { readonly type: 'mishap'; readonly skip: number; readonly mishap: Fault }
  | { readonly type: 'meanwhile'; readonly skip: number; readonly move: Outside };

const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ field: fc.constant('suspend'), value: fc.boolean() } as const) },
  { weight: 2, arbitrary: fc.constant({ field: 'resume' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      field: fc.constantFrom('activeDeadlineSeconds', 'ttlSecondsAfterFinished'),
      value: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    } as const),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      field: fc.constant('steps'),
      edit: fc.constantFrom('image', 'rename', 'append', 'remove last', 'policy', 'FutureSteps', 'Immutable', 'mend'),
      index: fc.nat(5),
    } as const),
  },
);

const passing = (...seconds: readonly number[]): fc.Arbitrary<Outside> =>
  fc.record({ type: fc.constant('pass'), seconds: fc.constantFrom(...seconds) } as const);

const working: fc.Arbitrary<Outside> = fc.oneof(
  fc.constantFrom({ type: 'advance' } as const, { type: 'pods run' } as const, { type: 'jobs sync' } as const),
  fc.record({ type: fc.constant('sync'), cache: fc.constantFrom(...CACHES) } as const),
);

const quiet: fc.Arbitrary<Outside> = fc.oneof(
  { weight: 4, arbitrary: working },
  { weight: 1, arbitrary: passing(0.4, 1, 3, 10, 40) },
);

const disrupted: fc.Arbitrary<Outside> = fc.record({
  type: fc.constant('disrupt'),
  how: fc.constantFrom('deleted', 'evicted'),
} as const);

const people: fc.Arbitrary<Outside> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ type: fc.constant('wish'), wish, bypass: fc.boolean() } as const) },
  { weight: 2, arbitrary: fc.constant({ type: 'delete' } as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete job'), foreground: fc.boolean() } as const) },
  { weight: 1, arbitrary: disrupted },
  { weight: 1, arbitrary: fc.constant({ type: 'secret' } as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('quota'), on: fc.boolean() } as const) },
);

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ type: fc.constant('fault'), code: fc.constantFrom(...CODES), after: fc.boolean() } as const),
  fc.record({ type: fc.constant('fault'), code: fc.constantFrom(...REFUSALS), after: fc.constant(false) } as const),
  fc.record({ type: fc.constant('death'), after: fc.boolean() } as const),
);

const skip = fc.nat(2);

const trouble: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('mishap'), skip, mishap: fault } as const) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart'), stale: fc.boolean() } as const) },
  { weight: 1, arbitrary: fc.constant({ type: 'stale visit' } as const) },
  { weight: 1, arbitrary: disrupted },
);

const progress: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'round' } as const) },
  { weight: 2, arbitrary: fc.constant({ type: 'visit' } as const) },
);

const between = (arbitrary: fc.Arbitrary<Outside>): fc.Arbitrary<Move> =>
  fc.record({ type: fc.constant('meanwhile'), skip, move: arbitrary } as const);

/** Nobody but the cluster and the controller acts. */
export const troubledMoves = fc.array(
  fc.oneof({ weight: 5, arbitrary: progress }, { weight: 4, arbitrary: quiet }, { weight: 4, arbitrary: trouble }),
  { maxLength: 24, size: 'max' },
);

/** People act, and everything else works. */
export const peopledMoves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: progress },
    { weight: 3, arbitrary: quiet },
    { weight: 3, arbitrary: people },
    { weight: 1, arbitrary: between(people) },
    {
      weight: 1,
      arbitrary: fc.record({ type: fc.constant('rest'), seconds: fc.integer({ min: 3, max: 30 }) } as const),
    },
  ),
  { maxLength: 24, size: 'max' },
);

/** Everything at once. */
export const allMoves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: progress },
    { weight: 3, arbitrary: quiet },
    { weight: 3, arbitrary: people },
    { weight: 2, arbitrary: trouble },
    { weight: 2, arbitrary: between(fc.oneof(people, working, passing(0.4))) },
  ),
  { maxLength: 24, size: 'max' },
);

export async function make(move: Move, world: World): Promise<void> {
  switch (move.type) {
    case 'round':
      world.process.syncAll();
      await world.visit();
      world.advance();
      break;
    case 'rest':
      world.user.change({ field: 'suspend', value: true }, true);
      for (let i = 0; i < 3; i++) await make({ type: 'round' }, world);
      world.nowMs += move.seconds * 1000;
      world.user.change({ field: 'suspend', value: false }, true);
      break;
    case 'visit':
      await world.visit();
      break;
    case 'stale visit':
      // One that has not heard of the deletion may yet make a Job: the garbage collector's, once the owner is gone.
      if (world.stale !== undefined && !world.isDeleted) await world.visit(world.stale);
      break;
    case 'restart':
      world.restart(move.stale);
      break;
    case 'mishap':
      world.server.plan(move.skip, move.mishap);
      break;
    case 'meanwhile':
      world.server.plan(move.skip, { type: 'meanwhile', happens: () => happen(move.move, world) });
      break;
    default:
      happen(move, world);
  }
  world.check();
}

function happen(move: Outside, world: World): void {
  switch (move.type) {
    case 'advance':
      world.advance();
      break;
    case 'pods run':
      world.advance('pods');
      break;
    case 'jobs sync':
      world.advance('jobs');
      break;
    case 'disrupt':
      world.disrupt(move.how);
      break;
    case 'pass':
      world.nowMs += move.seconds * 1000;
      break;
    case 'sync':
      world.process.sync(move.cache);
      break;
    case 'wish':
      world.user.change(move.wish, move.bypass);
      break;
    case 'delete':
      world.delete();
      break;
    case 'delete job':
      world.deleteRunningJob(move.foreground);
      break;
    case 'secret':
      world.makeSecret();
      break;
    case 'quota':
      world.cluster.quota = move.on;
      break;
  }
}
