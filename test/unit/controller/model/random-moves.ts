/** Which moves follow each other in a random world. */
import * as fc from 'fast-check';
import type { Fault, Move, Outside } from './moves.ts';
import { CACHES } from './process.ts';
import { rarely, writes } from './scenario.ts';
import type { Wish } from './user.ts';

const CODES = ['ServerError', 'Timeout', 'Unreachable'] as const;
const DELETIONS = ['background', 'foreground', 'orphan'] as const;
const REFUSALS = ['Conflict', 'TooManyRequests'] as const;

const wish: fc.Arbitrary<Wish> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ field: fc.constant('suspend'), value: fc.boolean() } as const) },
  { weight: 3, arbitrary: fc.record({ field: fc.constant('resume'), to: rarely(undefined, 0, 1) } as const) },
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
      edit: fc.constantFrom(
        'image',
        'rename',
        'append',
        'remove last',
        'onFailure',
        'FutureSteps',
        'Immutable',
        'mend',
      ),
      index: fc.nat(5),
    } as const),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      field: fc.constant('finally'),
      edit: fc.constantFrom('image', 'rename', 'append', 'remove last', 'onFailure', 'when', 'mend'),
      index: fc.nat(2),
    } as const),
  },
);

const wished: fc.Arbitrary<Outside> = fc
  .record({ wish, bypass: fc.boolean(), writes })
  .map(({ writes: version, ...rest }) =>
    Object.assign({ type: 'wish' as const }, rest, version && { writes: version }),
  );

const passing = (...seconds: readonly number[]): fc.Arbitrary<Outside> =>
  fc.record({ type: fc.constant('pass'), seconds: fc.constantFrom(...seconds) } as const);

const unsettled: fc.Arbitrary<Outside> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom({ type: 'clean' } as const, { type: 'unsuspend' } as const) },
  { weight: 1, arbitrary: fc.constantFrom({ type: 'relist' } as const, { type: 'land' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('refusal'),
      why: fc.constantFrom('quota', 'slow quota', 'permission', undefined),
    } as const),
  },
);

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
  { weight: 9, arbitrary: wished },
  { weight: 2, arbitrary: fc.constant({ type: 'delete' } as const) },
  { weight: 2, arbitrary: unsettled },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete job'), how: fc.constantFrom(...DELETIONS) } as const) },
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
  { weight: 1, arbitrary: fc.constant({ type: 'stale reconcile' } as const) },
  { weight: 1, arbitrary: fc.constant({ type: 'hold create' } as const) },
  { weight: 1, arbitrary: unsettled },
  { weight: 1, arbitrary: disrupted },
);

/** A create is lost on the way, and arrives when the sequence has gone on. */
const late: fc.Arbitrary<Move> = fc.record({
  type: fc.constant('late create'),
  meanwhile: fc.oneof(
    fc.record({
      type: fc.constant('wish'),
      wish: fc.record({
        field: fc.constant('steps'),
        edit: fc.constantFrom('rename', 'rename', 'image', 'remove last'),
        index: fc.nat(2),
      } as const),
      bypass: fc.constant(true),
    } as const),
    wished,
    passing(1, 40),
  ),
  rounds: fc.nat(4),
} as const);

const progress: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ type: 'round' } as const) },
  { weight: 2, arbitrary: fc.constant({ type: 'reconcile' } as const) },
);

const between = (arbitrary: fc.Arbitrary<Outside>): fc.Arbitrary<Move> =>
  fc.record({ type: fc.constant('meanwhile'), skip, move: arbitrary } as const);

/** Nobody but the cluster and the controller acts. */
export const troubledMoves = fc.array(
  fc.oneof({ weight: 5, arbitrary: progress }, { weight: 4, arbitrary: quiet }, { weight: 4, arbitrary: trouble }),
  { maxLength: 24, size: 'max' },
);

const quarrel: fc.Arbitrary<Move> = fc.record({
  type: fc.constant('quarrel'),
  times: fc.integer({ min: 2, max: 7 }),
  seconds: fc.constantFrom(1, 5, 20, 40),
} as const);

/** People act, and everything else works. */
export const peopledMoves = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: progress },
    { weight: 3, arbitrary: quiet },
    { weight: 3, arbitrary: people },
    { weight: 1, arbitrary: between(people) },
    { weight: 1, arbitrary: late },
    {
      weight: 1,
      arbitrary: quarrel,
    },
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
    { weight: 1, arbitrary: late },
    { weight: 2, arbitrary: between(fc.oneof(people, working, passing(0.4))) },
  ),
  { maxLength: 24, size: 'max' },
);
