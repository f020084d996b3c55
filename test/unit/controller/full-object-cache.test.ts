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
    spec: { containers: [container('load', { args: ['x'.repeat(kib * KIB)] })], suspend: true },
  });
  const metadata = { ...one.metadata, name, namespace, generation, resourceVersion: version, finalizers };
  return deepFreeze({
    ...one,
    metadata: { ...metadata, uid: `uid-${namespace}-${name}` },
    ...(status === undefined ? {} : { status }),
  });
}

describe('what the cache keeps of a sequence', () => {
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

  it('is small, and the full object is in the budget', () => {
    const whole = object('a', { status: { phase: 'Running' } });
    const kept = specs.trim(whole);
    expect(estimateMemory(kept)).toBeLessThan(3 * KIB);
    expect(kept).toMatchObject({ metadata: whole.metadata, status: whole.status, spec: { suspend: true } });
    expect(specs.full(kept)).toEqual(whole);
    expect(specs.cachedBytes).toBe(estimateMemory(whole));
  });

  it('is combined with the status of the last state and the spec of its generation', () => {
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
    ['of one that is new everything', undefined, true],
    ['of one that has failed everything: it may be resumed', { conditions: [condition('Failed')] }, true],
    ['of one that has completed nothing of what it ran', { conditions: [condition('Complete')] }, false],
  ])('is held %s', (_, status, isHeld) => {
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
      ['finalizers without number', { finalizers }],
      ['a long status', { status: { phase: 'Running', steps } }],
    ])('%s are kept in the budget: the cached part is small, and belongs to that very state', (_, of) => {
      specs = new FullObjectCache();
      const kept = specs.trim(object('a', of));
      expect(estimateMemory(kept)).toBeLessThan(4 * KIB);
      expect(specs.full(kept)).toEqual(object('a', of));
      specs.trim(object('a', { version: '6' }));
      expect(specs.full(kept)).toBeUndefined();
    });

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
    ['whose own deletion the watch tells of last', {}, 0],
    ['that the cache has', {}, 1],
    ['that has completed, with a long status', { status: { ...LONG, conditions: [condition('Complete')] } }, 0],
  ])('nothing is kept of an object that the cache does not have: %s', (_, of, cached) => {
    const one = object('a', of);
    specs.trim(one);
    expect(specs.cachedBytes).toBeGreaterThan(0);
    specs.forgetUnlessCached(one, cached === 1 ? one : { ...one, metadata: { ...one.metadata, uid: 'another' } });
    expect(specs.cachedBytes > 0).toBe(cached === 1);
    specs.forgetAllUnlessCached(() => undefined);
    expect(specs.cachedBytes).toBe(0);
  });

  it('the owner of a reference to a spec learns when it is replaced, and its size; not when only the status changes', () => {
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

describe('a sequence of which nothing more is needed than the cached part', () => {
  const over = (type: ConditionType, more: SequentialJobStatus = {}): Of => ({
    status: { observedGeneration: 1, conditions: [condition(type)], ...more },
  });
  const resumed = (kept: TrimmedSequentialJob, resume: number): TrimmedSequentialJob => ({
    ...kept,
    spec: { ...kept.spec, resume },
  });

  it.each<readonly [string, Of, boolean, ((kept: TrimmedSequentialJob) => TrimmedSequentialJob)?]>([
    ['has completed', over('Complete'), true],
    ['has failed', over('Failed'), true],
    ['has failed, and was resumed before', over('Failed', { resumes: 2 }), true, (kept) => resumed(kept, 2)],
    ['not one that is to be resumed', over('Failed', { resumes: 1 }), false, (kept) => resumed(kept, 2)],
    ['not one that runs', over('Progressing'), false],
    ['not one that is new', {}, false],
    ['not one that has changed since', { ...over('Complete'), generation: 2 }, false],
    [
      'not one whose status is not there',
      { ...over('Complete'), finalizers: Array.from({ length: 99 }, String) },
      false,
    ],
    [
      'is being deleted',
      over('Progressing'),
      true,
      (kept) => ({ ...kept, metadata: { ...kept.metadata, deletionTimestamp: at(1) } }),
    ],
  ])('%s', (_, of, expected, change = (kept) => kept) => {
    const kept = change(new FullObjectCache().trim(object('a', of)));
    expect(isTrimmed(kept)).toBe(true);
    expect(needsNoSpec(kept)).toBe(expected);
  });

  it('has a long status that is kept as long as it is that of the current state', () => {
    const specs = new FullObjectCache();
    const { status = {} } = over('Complete', LONG);
    const kept = specs.trim(object('a', { status }));
    expect(kept.status?.steps).toHaveLength(1);
    expect(specs.full(kept)).toBeUndefined();
    expect(specs.finishedWithoutSpec(kept)).toMatchObject({ status, spec: { containers: [] } });
    specs.trim(object('a', { status, version: '6' }));
    expect(specs.finishedWithoutSpec(kept)).toBeUndefined();
  });
});
