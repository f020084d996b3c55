import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  isTrimmed,
  type TrimmedSequentialJob,
  needsNoSpec,
  FullObjectCache,
} from '../../../controller/full-object-cache.ts';
import type { ConditionType, SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { estimateMemory } from '../../../shared/validation/value-limit.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, container, NOW, sequentialJob } from '../../support/objects.ts';

const KIB = 1024;

const condition = (type: ConditionType) =>
  ({ type, status: 'True', lastTransitionTime: NOW, reason: 'x', message: 'y' }) as const;

interface Of {
  readonly namespace?: string;
  readonly generation?: number;
  readonly version?: string;
  readonly kib?: number;
  readonly finalizers?: readonly string[];
  readonly status?: SequentialJobStatus;
}

const LONG: SequentialJobStatus = {
  observedGeneration: 1,
  steps: Array.from({ length: 200 }, (_, index) => ({ index, name: `s${index}`, state: 'Succeeded' })),
};

/** A sequence of so many KiB. */
function object(name: string, of: Of = {}): SequentialJob {
  const { namespace = 'team-a', generation = 1, version = '5', kib = 10, finalizers = [], status } = of;
  const one = sequentialJob({
    spec: { steps: [container('load', { args: ['x'.repeat(kib * KIB)] })], suspend: true },
  });
  const metadata = { ...one.metadata, name, namespace, generation, resourceVersion: version, finalizers };
  return deepFreeze({
    ...one,
    metadata: { ...metadata, uid: `uid-${namespace}-${name}` },
    ...(status === undefined ? {} : { status }),
  });
}

describe('the cached part of a sequence', () => {
  let dropped: string[];
  let borrowed: number;
  let specs: FullObjectCache;
  beforeEach(() => {
    dropped = [];
    borrowed = 0;
    specs = new FullObjectCache({
      maxBytes: 100 * KIB,
      onEvict: (uid) => dropped.push(uid),
      onFetch: () => void borrowed++,
    });
  });

  const areHeld = (kept: readonly TrimmedSequentialJob[]): readonly string[] =>
    kept.filter((one) => specs.full(one) !== undefined).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);

  it('is small, and the full object without the status, which it has itself, is in the budget', () => {
    const whole = object('a', { status: { phase: 'Running' } });
    const kept = specs.trim(whole);
    expect(estimateMemory(kept)).toBeLessThan(3 * KIB);
    expect(kept).toMatchObject({ metadata: whole.metadata, status: whole.status, spec: { suspend: true } });
    expect(specs.full(kept)).toEqual(whole);
    const { status: _, ...withoutStatus } = whole;
    expect(specs.cachedBytes).toBe(estimateMemory(withoutStatus));
  });

  it('is combined with the cached status and the spec of its generation', () => {
    specs.trim(object('a'));
    const running = specs.trim(object('a', { version: '6', status: { phase: 'Running' } }));
    const older = specs.trim(object('a', { version: '4' }));
    expect(specs.full(running)).toEqual(object('a', { version: '6', status: { phase: 'Running' } }));
    expect(specs.full(older)).toBeDefined();
    specs.trim(object('a', { version: '7', generation: 2, kib: 11 }));
    expect(specs.full(running)).toBeUndefined();
  });

  it('shares the spec of the previous state if it is unchanged', () => {
    const before = object('a');
    specs.trim(before);
    const spec = (one: SequentialJob): unknown => specs.specOf(specs.trim(structuredClone(one)));
    expect(spec(object('a', { version: '6' }))).toBe(before.spec);
    const other = object('a', { version: '7', kib: 11 });
    expect(spec(other)).toEqual(other.spec);
  });

  it.each<readonly [string, SequentialJobStatus | undefined, boolean]>([
    ['completely for a new sequence', undefined, true],
    ['completely for a failed sequence, which may be resumed', { conditions: [condition('Failed')] }, true],
    ['not at all for a completed sequence', { conditions: [condition('Complete')] }, false],
  ])('is cached %s', (_, status, isHeld) => {
    const kept = specs.trim(object('a', status === undefined ? {} : { status }));
    expect(specs.full(kept) !== undefined).toBe(isHeld);
    expect(specs.cachedBytes > 0).toBe(isHeld);
  });

  it('no full object is kept once the sequence has completed or is deleted', () => {
    const kept = specs.trim(object('a'));
    specs.trim(object('a', { status: { conditions: [condition('Complete')] } }));
    expect([specs.cachedBytes, specs.full(kept)]).toEqual([0, undefined]);
    specs.forget(specs.trim(object('b')).metadata);
    expect(specs.cachedBytes).toBe(0);
    expect(dropped).toEqual([]);
  });

  describe('if the budget is exhausted', () => {
    it('the least recently updated object is evicted, and the eviction is reported', () => {
      const all = ['a', 'b', 'c', 'd', 'e'].map((name) => specs.trim(object(name, { kib: 20 })));
      expect(areHeld(all)).toEqual(['team-a/b', 'team-a/c', 'team-a/d', 'team-a/e']);
      specs.trim(object('b', { kib: 20, version: '6' }));
      const last = specs.trim(object('f', { kib: 20 }));
      expect(areHeld([...all, last])).toEqual(['team-a/b', 'team-a/d', 'team-a/e', 'team-a/f']);
      expect(dropped).toEqual(['uid-team-a-a', 'uid-team-a-c']);
      expect(specs.cachedBytes).toBeLessThanOrEqual(100 * KIB);
    });

    it('a namespace that fills it evicts only its own objects', () => {
      const mine = ['a', 'b'].map((name) => specs.trim(object(name, { namespace: 'team-b' })));
      const others = Array.from({ length: 50 }, (_, i) => specs.trim(object(`o${i}`, { kib: 20 })));
      expect(areHeld(mine)).toHaveLength(2);
      expect(areHeld(others).length).toBeGreaterThanOrEqual(3);
      // And a newcomer finds room.
      expect(areHeld([specs.trim(object('c', { namespace: 'team-c' }))])).toHaveLength(1);
    });

    it('an object larger than the budget is not kept, and evicts only objects of its own namespace', () => {
      const mine = specs.trim(object('a', { namespace: 'team-b' }));
      const large = specs.trim(object('large', { kib: 1000 }));
      expect([specs.full(large), areHeld([mine])]).toEqual([undefined, ['team-b/a']]);
      expect(large.trimmed?.weight).toBeGreaterThan(1000 * KIB);
    });
  });

  describe('an object with large metadata or a large status', () => {
    const finalizers = Array.from({ length: 1000 }, (_, i) => `example.com/f${i}`);
    const steps = Array.from(
      { length: 1000 },
      (_, index) => ({ index, name: `s${index}`, state: 'Succeeded' }) as const,
    );

    it.each<readonly [string, Of]>([
      ['a thousand finalizers', { finalizers }],
      ['a long status', { status: { phase: 'Running', steps } }],
    ])(
      '%s are cached within the budget: the part in the informer cache is small, and is combined only with its own version',
      (_, of) => {
        specs = new FullObjectCache();
        const kept = specs.trim(object('a', of));
        expect(estimateMemory(kept)).toBeLessThan(4 * KIB);
        expect(specs.full(kept)).toEqual(object('a', of));
        specs.trim(object('a', { version: '6' }));
        expect(specs.full(kept)).toBeUndefined();
      },
    );

    it('at most 30 KiB are cached, for any number of steps', () => {
      const weights = Array.from({ length: 100 }, (_, i) => {
        const status = { phase: 'Failed', steps: steps.slice(0, 10 * i) } as const;
        return estimateMemory(specs.trim(object('a', { status, finalizers: finalizers.slice(0, i) })));
      });
      expect(Math.max(...weights)).toBeGreaterThan(15 * KIB);
      expect(Math.max(...weights)).toBeLessThan(30 * KIB);
    });
  });

  it.each<readonly [string, Of, number]>([
    ['whose deletion the watch reports last', {}, 0],
    ['that is in the informer cache at first', {}, 1],
    ['that has completed, with a long status', { status: { ...LONG, conditions: [condition('Complete')] } }, 0],
  ])('nothing is kept of an object that is not in the informer cache: %s', (_, of, cached) => {
    const one = object('a', of);
    specs.trim(one);
    expect(specs.cachedBytes).toBeGreaterThan(0);
    specs.forgetUnlessCached(one, cached === 1 ? one : { ...one, metadata: { ...one.metadata, uid: 'another' } });
    expect(specs.cachedBytes > 0).toBe(cached === 1);
    specs.forgetAllUnlessCached(() => undefined);
    expect(specs.cachedBytes).toBe(0);
  });

  it('the owner of a reference to a spec is notified when the spec is replaced, with its size; not if only the status changes', () => {
    const replaced: (readonly [string, number])[] = [];
    specs = new FullObjectCache({ onReplace: (uid, weight) => replaced.push([uid, weight]) });
    const before = object('a', { kib: 20 });
    specs.trim(before);
    specs.trim(structuredClone(object('a', { kib: 20, version: '6', status: { phase: 'Running' } })));
    expect(replaced).toEqual([]);
    specs.trim(object('a', { kib: 1, version: '7', generation: 2 }));
    expect(replaced).toEqual([[before.metadata.uid, expect.any(Number)]]);
    expect(replaced[0]?.[1]).toBeGreaterThan(20 * KIB);
  });

  describe('the budget for fetched objects', () => {
    const large = (namespace: string, mib = 5): TrimmedSequentialJob =>
      specs.trim(object('large', { namespace, kib: mib * KIB }));

    it('is granted until it is used up, and at least one object is always admitted', () => {
      const [huge, small] = [large('team-a', 40), large('team-b', 1)];
      expect([specs.acquire(huge), specs.acquire(small), borrowed]).toEqual([true, false, 1]);
      specs.release(huge);
      expect([specs.acquire(small), specs.acquire(huge), borrowed]).toEqual([true, false, 2]);
    });

    it('is left to other namespaces: one gets half of what they leave free', () => {
      const take = (namespace: string): number => {
        let count = 0;
        while (specs.acquire(large(namespace))) count++;
        return count;
      };
      expect([take('team-a'), take('team-b'), take('team-c')]).toEqual([3, 1, 1]);
      // What is given back does not all go to the one who gives it back.
      specs.release(large('team-a'));
      expect([specs.acquire(large('team-a')), specs.acquire(large('team-d'))]).toEqual([false, true]);
    });
  });
});

describe('the spec of a cached sequence', () => {
  const over = (type: ConditionType, more: SequentialJobStatus = {}): Of => ({
    status: { observedGeneration: 1, conditions: [condition(type)], ...more },
  });
  const resumed = (kept: TrimmedSequentialJob, resume: number): TrimmedSequentialJob => ({
    ...kept,
    spec: { ...kept.spec, resume },
  });

  it.each<readonly [string, Of, boolean, ((kept: TrimmedSequentialJob) => TrimmedSequentialJob)?]>([
    ['is not needed if the sequence has completed', over('Complete'), true],
    ['is not needed if the sequence has failed', over('Failed'), true],
    [
      'is not needed if the sequence has failed after a resume',
      over('Failed', { resumes: 2 }),
      true,
      (kept) => resumed(kept, 2),
    ],
    ['is needed if the sequence is to be resumed', over('Failed', { resumes: 1 }), false, (kept) => resumed(kept, 2)],
    ['is needed if the sequence runs', over('Progressing'), false],
    ['is needed if the sequence is new', {}, false],
    ['is needed if the generation has changed since', { ...over('Complete'), generation: 2 }, false],
    [
      'is needed if the status is not cached',
      { ...over('Complete'), finalizers: Array.from({ length: 99 }, String) },
      false,
    ],
    [
      'is not needed if the sequence is being deleted',
      over('Progressing'),
      true,
      (kept) => ({ ...kept, metadata: { ...kept.metadata, deletionTimestamp: at(1) } }),
    ],
  ])('%s', (_, of, expected, change = (kept) => kept) => {
    const kept = change(new FullObjectCache().trim(object('a', of)));
    expect(isTrimmed(kept)).toBe(true);
    expect(needsNoSpec(kept)).toBe(expected);
  });

  it('has a long status that is cached while it belongs to the current version', () => {
    const specs = new FullObjectCache();
    const { status = {} } = over('Complete', LONG);
    const kept = specs.trim(object('a', { status }));
    expect(kept.status?.steps).toHaveLength(1);
    expect(specs.full(kept)).toBeUndefined();
    expect(specs.finishedWithoutSpec(kept)).toMatchObject({ status, spec: { steps: [] } });
    specs.trim(object('a', { status, version: '6' }));
    expect(specs.finishedWithoutSpec(kept)).toBeUndefined();
  });
});
