/**
 * The newest known state of a set of objects, fed by a reflector and by the answers to our own writes.
 *
 * The answers matter: a controller that acts on a cache which has not yet heard of its own last write would act
 * twice. `assume` puts such an answer in at once; the resource version decides which of two states is newer, and a
 * deletion is remembered for a while so that a late answer cannot bring an object back to life.
 */

export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export type Key = string;

export type Change<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'modified'; readonly object: T; readonly previous: T }
  | { readonly type: 'deleted'; readonly object: T };

export type Indexer<T> = (object: T) => string | undefined;

/** What is kept in place of an object that arrives: an equal one, or one that also has what is known of its state before. */
export type Keeper<T> = (object: T, previous: T | undefined) => T;

/** Told of what a listener, the indexer or the keeper has thrown: a fault of the program, at this object. */
export type InternalErrorObserver = (error: unknown, object: KubeObject) => void;

const rethrow: InternalErrorObserver = (error) => {
  throw error;
};

/** Deletions remembered at most; each is a UID and a version. */
const MAX_TOMBSTONES = 10_000;

export function keyOf(object: KubeObject): Key {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/**
 * Negative, zero or positive as `a` is older, equal or newer. Resource versions of one resource are decimal numbers
 * that grow (KEP-5504 makes this official; every etcd-backed API server has always done it). They outgrow 2^53 in
 * theory, so they are compared as digits. Something else than digits compares as equal: then the later arrival wins.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return 0;
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
}

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<Key, T>();
  readonly #index = new Map<string, Set<T>>();
  /** UIDs of deleted objects and the versions of their deletions, oldest first. */
  readonly #tombstones = new Map<string, string>();
  readonly #indexer: Indexer<T> | undefined;
  readonly #keeper: Keeper<T>;
  readonly #onInternalError: InternalErrorObserver;
  /** Version of the last whole list. */
  #listed = '0';
  readonly #listeners: ((change: Change<T>) => void)[] = [];

  /** Default of `onFault`: it is thrown on to whoever feeds the cache. */
  constructor(indexer?: Indexer<T>, keeper: Keeper<T> = (object) => object, onFault: InternalErrorObserver = rethrow) {
    this.#indexer = indexer;
    this.#keeper = keeper;
    this.#onInternalError = onFault;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: Key): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  /** The objects that the indexer filed under this value. */
  indexed(value: string): readonly T[] {
    return [...(this.#index.get(value) ?? [])];
  }

  /** Listeners are called synchronously, after the cache has changed. One that throws keeps nobody else from being told. */
  subscribe(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Takes a state from the watch, unless something newer is known already: by an own write, or because the watch says
   * again what it has said before, be it of an object that has gone since.
   */
  observe(object: T): void {
    if (!this.#objects.has(keyOf(object)) && this.#isPast(object)) return;
    this.#upsertIfNewer(object);
  }

  /**
   * Takes the answer to an own write, unless something newer, or the object's deletion, is known already. Listeners are
   * not told, now or when the watch brings the same state: whoever writes knows what he wrote.
   */
  assume(object: T): void {
    if (this.#tombstones.has(object.metadata.uid)) return;
    const known = this.#objects.get(keyOf(object));
    if (known === undefined && this.#isPast(object)) return;
    if (known === undefined || isNewer(object, known)) this.#put(object, true);
  }

  /**
   * Takes a deletion from the watch; of `object` only the names and the resource version, that of the deletion, count.
   * Listeners are told of `last`, the object's last state, where there is one.
   */
  remove(object: KubeObject, last?: T): void {
    const { uid, resourceVersion } = object.metadata;
    const known = this.#objects.get(keyOf(object));
    // The name may belong to a younger object by now.
    const isIt = known?.metadata.uid === uid;
    // Said again, when the object is back in sight.
    if (isIt && isNewer(known, object)) return;
    this.#recordTombstone(uid, resourceVersion);
    if (isIt) this.#drop(known, last === undefined ? known : this.#kept(last, known));
  }

  /**
   * Takes a whole list as of `resourceVersion`: what it lacks is gone, but for objects that we wrote after it was
   * made. `rewound` says that the server's history starts anew (restored from a backup): then nothing that was known
   * counts.
   */
  replace(objects: readonly T[], resourceVersion: string, rewound = false): void {
    const listed = new Set(objects.map(keyOf));
    if (rewound) this.#tombstones.clear();
    this.#listed = resourceVersion;
    for (const known of this.#objects.values()) {
      const younger = compareResourceVersions(known.metadata.resourceVersion, resourceVersion) > 0;
      if (!listed.has(keyOf(known)) && (rewound || !younger)) {
        this.#recordTombstone(known.metadata.uid, resourceVersion);
        this.#drop(known);
      }
    }
    for (const object of objects) {
      if (rewound) this.#put(object);
      else this.#upsertIfNewer(object);
    }
  }

  #upsertIfNewer(object: T): void {
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && (isNewer(known, object) || isSame(known, object))) return;
    // Back in sight, as when a label was taken away and given back: it lives.
    this.#tombstones.delete(object.metadata.uid);
    this.#put(object);
  }

  /** Whether an object that is not known was deleted after this state: before the last list was made, or seen since. */
  #isPast({ metadata: { uid, resourceVersion } }: T): boolean {
    const gone = this.#tombstones.get(uid);
    if (gone === resourceVersion) return true;
    return [this.#listed, gone ?? '0'].some((version) => compareResourceVersions(resourceVersion, version) < 0);
  }

  #put(arrived: T, silent = false): void {
    const key = keyOf(arrived);
    const previous = this.#objects.get(key);
    if (previous !== undefined && previous.metadata.uid !== arrived.metadata.uid) {
      // Deleted and created again under the same name between two looks: two objects, two changes.
      this.#recordTombstone(previous.metadata.uid, arrived.metadata.resourceVersion);
      this.#drop(previous);
      this.#put(arrived, silent);
      return;
    }
    const object = this.#kept(arrived, previous);
    this.#unindex(previous);
    this.#objects.set(key, object);
    this.#addToIndex(object);
    if (!silent)
      this.#notify(previous === undefined ? { type: 'added', object } : { type: 'modified', object, previous });
  }

  #kept(arrived: T, previous: T | undefined): T {
    return this.#guarded(arrived, (object) => this.#keeper(object, previous)) ?? arrived;
  }

  /** `last`: its last state, where the watch has told one. */
  #drop(known: T, last = known): void {
    this.#objects.delete(keyOf(known));
    this.#unindex(known);
    this.#notify({ type: 'deleted', object: last });
  }

  #recordTombstone(uid: string, version: string): void {
    this.#tombstones.set(uid, version);
    if (this.#tombstones.size <= MAX_TOMBSTONES) return;
    for (const oldest of this.#tombstones.keys()) {
      this.#tombstones.delete(oldest);
      return;
    }
  }

  #addToIndex(object: T): void {
    const value = this.#indexOf(object);
    if (value === undefined) return;
    const filed = this.#index.get(value);
    if (filed === undefined) this.#index.set(value, new Set([object]));
    else filed.add(object);
  }

  #unindex(object: T | undefined): void {
    const value = object === undefined ? undefined : this.#indexOf(object);
    if (object === undefined || value === undefined) return;
    const filed = this.#index.get(value);
    filed?.delete(object);
    if (filed?.size === 0) this.#index.delete(value);
  }

  #indexOf(object: T): string | undefined {
    return this.#indexer === undefined ? undefined : this.#guarded(object, this.#indexer);
  }

  #notify(change: Change<T>): void {
    for (const listener of this.#listeners) this.#guarded(change.object, () => listener(change));
  }

  /** What `work` gives for the object; undefined where it throws, which is told. */
  #guarded<R>(object: T, work: (object: T) => R): R | undefined {
    try {
      return work(object);
    } catch (error) {
      this.#onInternalError(error, object);
      return undefined;
    }
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  const { uid, resourceVersion } = a.metadata;
  return uid === b.metadata.uid && resourceVersion === b.metadata.resourceVersion;
}

function isNewer(a: KubeObject, b: KubeObject): boolean {
  return compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) > 0;
}
