import { beforeEach, describe, expect, it } from '@jest/globals';
import { Cache, type Change, compareResourceVersions, keyOf, type KubeObject } from '../../../../shared/kube/cache.ts';

interface Thing extends KubeObject {
  readonly owner?: string;
}

function thing(version: number | string, { name = 'a', uid = 'uid-1', owner = 'o1' } = {}): Thing {
  return { metadata: { name, namespace: 'ns', uid, resourceVersion: String(version) }, owner };
}

/** What the watch tells, and what an answer to a write of our own says. */
type Event = (on: Cache<Thing>) => void;
const observe =
  (version: number | string, uid = 'uid-1'): Event =>
  (on) =>
    on.observe(thing(version, { uid }));
const assume =
  (version: number | string, uid = 'uid-1'): Event =>
  (on) =>
    on.assume(thing(version, { uid }));
const remove =
  (version: number | string, uid = 'uid-1'): Event =>
  (on) =>
    on.remove(thing(version, { uid }));
const REPLACED = ['added uid-1@5', 'deleted uid-1@5', 'added uid-2@8'];
const CAME_AND_WENT = ['added uid-1@5', 'deleted uid-1@5'];
const CAME_BACK = [...CAME_AND_WENT, 'added uid-1@7'];

describe('compareResourceVersions', () => {
  it.each([
    ['older', '9', '10', -1],
    ['newer', '10', '9', 1],
    ['equal', '10', '10', 0],
    ['same length', '123', '132', -1],
    ['numbers above 2^53', '9007199254740993', '9007199254740992', 1],
    ['versions that are not numbers are equal', 'abc', '10', 0],
    ['a missing version is equal', '', '10', 0],
  ])('%s', (_says, a, b, sign) => {
    expect(Math.sign(compareResourceVersions(a, b))).toBe(sign);
  });
});

describe('keyOf', () => {
  it.each([
    ['a namespaced object', 'ns', 'ns/a'],
    ['a cluster-scoped object', undefined, 'a'],
    ['an empty namespace', '', 'a'],
  ])('%s', (_says, namespace, key) => {
    const metadata = { name: 'a', uid: 'u', resourceVersion: '1', ...(namespace === undefined ? {} : { namespace }) };
    expect(keyOf({ metadata })).toBe(key);
  });
});

describe('Cache', () => {
  let cache: Cache<Thing>;
  let changes: Change<Thing>[];

  beforeEach(() => {
    cache = new Cache<Thing>((object) => object.owner);
    changes = [];
    cache.subscribe((change) => changes.push(change));
  });

  const version = (): string | undefined => cache.get('ns/a')?.metadata.resourceVersion;
  const told = (): readonly string[] =>
    changes.map(({ type, object }) => `${type} ${object.metadata.uid}@${object.metadata.resourceVersion}`);

  it.each<readonly [string, readonly Event[], string | undefined, readonly string[]]>([
    ['a new object', [observe(5)], '5', ['added uid-1@5']],
    ['a newer version', [observe(5), observe(6)], '6', ['added uid-1@5', 'modified uid-1@6']],
    ['a watch event older than our own write changes nothing', [assume(7), observe(6)], '7', []],
    ['a watch event of our own write changes nothing', [assume(7), observe(7)], '7', []],
    ['our own write is newer than the cached object', [observe(5), assume(7)], '7', ['added uid-1@5']],
    ['a response that arrives after its watch event changes nothing', [observe(7), assume(7)], '7', ['added uid-1@7']],
    ['a response older than the cached object changes nothing', [observe(8), assume(7)], '8', ['added uid-1@8']],
    ['a deletion', [observe(5), remove(6)], undefined, CAME_AND_WENT],
    ['the deletion of an unknown object notifies no listener', [remove(6)], undefined, []],
    ['a late response does not restore a deleted object', [observe(5), remove(7), assume(6)], undefined, CAME_AND_WENT],
    [
      'a late response does not add an object that was deleted before it was cached',
      [remove(7), assume(6)],
      undefined,
      [],
    ],
    [
      'a watch event newer than the deletion adds the object again',
      [observe(5), remove(6), observe(7), assume(8)],
      '8',
      CAME_BACK,
    ],
    [
      'a watch event older than the deletion does not add the object again',
      [observe(5), remove(7), observe(6), observe(7)],
      undefined,
      CAME_AND_WENT,
    ],
    [
      'a repeated DELETED event does not remove an object that was added again',
      [observe(5), remove(6), observe(7), remove(6), assume(8)],
      '8',
      CAME_BACK,
    ],
    ['a repeated DELETED event notifies listeners once', [observe(5), remove(6), remove(6)], undefined, CAME_AND_WENT],
    [
      'an older object does not return after a newer object of the same name was deleted',
      [observe(5), observe(8, 'uid-2'), remove(9, 'uid-2'), observe(6)],
      undefined,
      [...REPLACED, 'deleted uid-2@8'],
    ],
    ['an object of the same name with a new UID is another object', [observe(5), observe(8, 'uid-2')], '8', REPLACED],
    ['a late deletion of the older object does not remove the newer one', [assume(8, 'uid-2'), remove(7)], '8', []],
    [
      'a late response about the older object does not replace the newer one',
      [observe(5), observe(8, 'uid-2'), assume(9)],
      '8',
      REPLACED,
    ],
    [
      'versions that are not numbers: the watch overrides the cache',
      [observe('abc'), observe('abd'), assume('abe')],
      'abd',
      ['added uid-1@abc', 'modified uid-1@abd'],
    ],
  ])('%s', (_says, events, expected, expectedChanges) => {
    for (const event of events) event(cache);
    expect(version()).toBe(expected);
    expect(told()).toEqual(expectedChanges);
  });

  it('notifies of own writes only those who ask for them, and nobody again when the watch delivers the same', () => {
    const own: string[] = [];
    cache.subscribe(({ type, object }) => void own.push(`${type} @${object.metadata.resourceVersion}`), {
      ownWrites: true,
    });
    cache.assume(thing(5));
    cache.assume(thing(6));
    cache.observe(thing(6));
    cache.observe(thing(7));
    expect(own).toEqual(['added @5', 'modified @6', 'modified @7']);
    expect(told()).toEqual(['modified uid-1@7']);
  });

  it('notifies of a modification with the previous object', () => {
    cache.observe(thing(5));
    cache.observe(thing(6));
    expect(changes.at(-1)).toEqual({ type: 'modified', object: thing(6), previous: thing(5) });
  });

  it('notifies of a deletion with the last state, if the watch delivers one', () => {
    cache.observe(thing(5));
    cache.remove(thing(6), thing(6));
    expect(changes.at(-1)).toEqual({ type: 'deleted', object: thing(6) });
  });

  it('keeps at most the last 10,000 tombstones', () => {
    for (let i = 0; i <= 10_000; i++) cache.remove(thing(i, { name: `n${i}`, uid: `u${i}` }));
    cache.assume(thing(20_000, { name: 'n0', uid: 'u0' }));
    cache.assume(thing(20_000, { name: 'n1', uid: 'u1' }));
    expect([...cache.values()].map(({ metadata }) => metadata.uid)).toEqual(['u0']);
  });

  describe('replace', () => {
    const b = thing(4, { name: 'b', uid: 'uid-b' });

    it.each<readonly [string, readonly Thing[], readonly string[]]>([
      ['removes an object that the list lacks', [], ['deleted uid-1@5']],
      ['adds an object that only the list has', [thing(5), b], ['added uid-b@4']],
      ['updates an object of which the list has a newer version', [thing(6)], ['modified uid-1@6']],
      [
        'replaces an object by one of the same name with a new UID',
        [thing(8, { uid: 'uid-2' })],
        ['deleted uid-1@5', 'added uid-2@8'],
      ],
    ])('%s', (_says, list, expected) => {
      cache.observe(thing(5));
      changes = [];
      cache.replace(list, '10');
      expect(told()).toEqual(expected);
    });

    it('ignores a late response about an object that was created and deleted before the list', () => {
      cache.replace([], '10');
      cache.assume(thing(7));
      expect(cache.size).toBe(0);
      cache.assume(thing(11));
      expect(cache.size).toBe(1);
    });

    it('ignores a watch event about an object that was deleted before the list', () => {
      cache.observe(thing(5));
      cache.replace([], '10');
      cache.observe(thing(6));
      cache.observe(thing(7, { name: 'b', uid: 'never-seen' }));
      expect(cache.size).toBe(0);
      cache.observe(thing(11, { name: 'b', uid: 'never-seen' }));
      expect(cache.size).toBe(1);
    });

    it('keeps an object that was written after the list was read, and tombstones of objects that the list lacks', () => {
      cache.observe(b);
      cache.assume(thing(11));
      cache.replace([], '10');
      expect(version()).toBe('11');
      expect(cache.size).toBe(1);
      cache.assume({ ...b, metadata: { ...b.metadata, resourceVersion: '9' } });
      expect(cache.size).toBe(1);
    });

    it('keeps the newer version of an object that was written after the list was read', () => {
      cache.assume(thing(11));
      cache.replace([thing(9)], '10');
      expect(version()).toBe('11');
    });

    it('object by object: those that the list lacks go first, and no late response about a listed one is lost', () => {
      cache.observe(thing(5, { name: 'c', uid: 'uid-c' }));
      const replacing = cache.replacing([b, thing(6)], '10');
      replacing.next();
      cache.assume(thing(6));
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['b', 'a']);
      for (const _ of replacing);
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['b', 'a']);
    });

    it('object by object: keeps what is written meanwhile', () => {
      cache.observe(thing(5));
      const replacing = cache.replacing([b], '10');
      replacing.next();
      cache.assume(thing(11, { uid: 'uid-2' })); // created again
      cache.assume(thing(12, { name: 'd', uid: 'uid-d' }));
      for (const _ of replacing);
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['b', 'a', 'd']);
    });

    it('object by object: drops an object of which a late response tells, if it was deleted before the list', () => {
      const replacing = cache.replacing([b], '10');
      replacing.next();
      cache.assume(thing(6));
      for (const _ of replacing);
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['b']);
      cache.assume(thing(7));
      expect(version()).toBeUndefined();
    });

    it.each([
      ['whose answer has the version of the deletion', 11],
      ['whose answer has the version of before', 5],
    ])('object by object: an own deletion of that time stays, %s', (_says, version) => {
      cache.observe(thing(5));
      const replacing = cache.replacing([b, thing(5)], '10');
      replacing.next();
      cache.remove(thing(version));
      for (const _ of replacing);
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(['b']);
    });

    it.each<readonly [string, readonly Event[]]>([
      ['a deletion', [observe(5), remove(90)]],
      ['a change', [observe(95)]],
    ])('a list that is newer than %s restores the object: the server may have lost it', (_says, before) => {
      for (const event of before) event(cache);
      cache.replace([thing(50)], '200');
      expect(version()).toBe('50');
      cache.assume(thing(201));
      expect(version()).toBe('201');
    });

    it('rewound, object by object: own writes of that time stay', () => {
      cache.observe(thing(50));
      cache.replace([thing(50)], '60');
      const replacing = cache.replacing([b, thing(5)], '10', true);
      replacing.next();
      cache.assume(thing(12, { name: 'd', uid: 'uid-d' }));
      cache.assume(thing(11, { name: 'b', uid: 'uid-b' }));
      for (const _ of replacing);
      const versions = [...cache.values()].map(
        ({ metadata: { name, resourceVersion } }) => `${name}@${resourceVersion}`,
      );
      expect(versions.toSorted()).toEqual(['a@5', 'b@11', 'd@12']);
    });

    it('rewound, object by object: a listed object does not replace a newer answer', () => {
      const replacing = cache.replacing([b, thing(5)], '10', true);
      replacing.next();
      cache.assume(thing(12));
      for (const _ of replacing);
      expect(version()).toBe('12');
    });

    it('rewound: accepts older versions, removes newer objects, and clears tombstones', () => {
      cache.observe(thing(50));
      cache.observe(thing(51, { name: 'b', uid: 'uid-b' }));
      cache.remove(thing(52, { name: 'c', uid: 'uid-c' }));
      cache.replace([thing(5)], '10', true);
      expect(version()).toBe('5');
      expect(cache.size).toBe(1);
      cache.assume(thing(11, { name: 'c', uid: 'uid-c' }));
      expect(cache.get('ns/c')).toBeDefined();
    });
  });

  describe('index', () => {
    const names = (owner: string): readonly string[] =>
      cache
        .indexed(owner)
        .map(({ metadata }) => metadata.name)
        .sort();

    it('indexes objects by their value, and updates the index', () => {
      cache.observe(thing(1));
      cache.observe(thing(2, { name: 'b', uid: 'uid-b' }));
      expect(names('o1')).toEqual(['a', 'b']);
      cache.observe(thing(3, { owner: 'o2' }));
      expect([names('o1'), names('o2')]).toEqual([['b'], ['a']]);
      cache.remove(thing(4, { owner: 'o2' }));
      expect([names('o1'), names('o2')]).toEqual([['b'], []]);
    });

    it('removes an object from its old value if the deletion has another one', () => {
      cache.observe(thing(1));
      cache.remove(thing(2, { owner: 'o2' }));
      expect([names('o1'), names('o2')]).toEqual([[], []]);
    });

    it('has each object once, in its newest version', () => {
      cache.observe(thing(1));
      cache.assume(thing(2));
      cache.observe(thing(2));
      cache.replace([thing(2)], '3');
      expect(cache.indexed('o1')).toEqual([thing(2)]);
    });

    it('omits objects without a value, and works without an index function', () => {
      const plain = new Cache<Thing>();
      plain.observe(thing(1));
      expect(plain.indexed('o1')).toEqual([]);
      const { owner: _, ...homeless } = thing(1);
      cache.observe(homeless);
      expect(cache.size).toBe(1);
      expect(cache.indexed('o1')).toEqual([]);
    });
  });

  describe('a transform that replaces objects', () => {
    /** The first owner of all stays. */
    const first = (object: Thing, previous: Thing | undefined): Thing =>
      previous?.owner === undefined ? object : { ...object, owner: previous.owner };

    it('may use the previous object, and its result is passed to listeners and the index', () => {
      const cache = new Cache<Thing>(({ owner }) => owner, first);
      const told: unknown[] = [];
      cache.subscribe(({ type, object }) => told.push([type, object.owner]));
      cache.observe(thing(1, { owner: 'o1' }));
      cache.observe(thing(2, { owner: 'o2' }));
      cache.assume(thing(3, { owner: 'o3' }));
      expect(cache.indexed('o1')).toEqual([thing(3, { owner: 'o1' })]);
      cache.remove(thing(4), thing(4, { owner: 'o4' }));
      expect(told).toEqual([
        ['added', 'o1'],
        ['modified', 'o1'],
        ['deleted', 'o1'],
      ]);
    });

    it('gets no previous object if a deleted object had the same name', () => {
      const cache = new Cache<Thing>(({ owner }) => owner, first);
      cache.observe(thing(1, { owner: 'o1' }));
      cache.observe(thing(2, { owner: 'o2', uid: 'uid-2' }));
      expect([cache.indexed('o1'), cache.indexed('o2')]).toEqual([[], [thing(2, { owner: 'o2', uid: 'uid-2' })]]);
    });
  });
});
