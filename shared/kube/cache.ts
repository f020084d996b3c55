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

/** Deletions remembered at most; each is a UID. */
const TOMBSTONES = 10_000;

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
  /** UIDs of deleted objects, oldest first. */
  readonly #tombstones = new Set<string>();
  readonly #indexer: Indexer<T> | undefined;
  /** Version of the last whole list. */
  #listed = '0';
  readonly #listeners: ((change: Change<T>) => void)[] = [];

  constructor(indexer?: Indexer<T>) {
    this.#indexer = indexer;
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

  /** Listeners are called synchronously, after the cache has changed; they must not throw. */
  subscribe(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes a state from the watch, whose order is authoritative, unless an own write already brought a newer one. */
  observe(object: T): void {
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && isNewer(known, object)) return;
    if (known !== undefined && isSame(known, object)) return;
    // Back in sight, as when a label was taken away and given back: it lives.
    this.#tombstones.delete(object.metadata.uid);
    this.#put(object);
  }

  /**
   * Takes the answer to an own write, unless something newer, or the object's deletion, is known already. Listeners are
   * not told, now or when the watch brings the same state: whoever writes knows what he wrote.
   */
  assume(object: T): void {
    if (this.#tombstones.has(object.metadata.uid)) return;
    const known = this.#objects.get(keyOf(object));
    // Older than the last list, and not on it: it was deleted before that list was made.
    if (known === undefined && compareResourceVersions(object.metadata.resourceVersion, this.#listed) < 0) return;
    if (known === undefined || isNewer(object, known)) this.#put(object, true);
  }

  /** Takes a deletion from the watch; `object` is the last state, its resource version that of the deletion. */
  remove(object: T): void {
    this.#bury(object);
    const known = this.#objects.get(keyOf(object));
    // The name may belong to a younger object by now.
    if (known?.metadata.uid === object.metadata.uid) this.#drop(known);
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
        this.#bury(known);
        this.#drop(known);
      }
    }
    for (const object of objects) {
      if (rewound) this.#put(object);
      else this.observe(object);
    }
  }

  #put(object: T, silent = false): void {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      // Deleted and created again under the same name between two looks: two objects, two changes.
      this.#bury(previous);
      this.#drop(previous);
      this.#put(object, silent);
      return;
    }
    this.#unfile(previous);
    this.#objects.set(key, object);
    this.#file(object);
    if (!silent)
      this.#tell(previous === undefined ? { type: 'added', object } : { type: 'modified', object, previous });
  }

  #drop(object: T): void {
    this.#objects.delete(keyOf(object));
    this.#unfile(object);
    this.#tell({ type: 'deleted', object });
  }

  #bury(object: T): void {
    this.#tombstones.add(object.metadata.uid);
    if (this.#tombstones.size <= TOMBSTONES) return;
    for (const oldest of this.#tombstones) {
      this.#tombstones.delete(oldest);
      return;
    }
  }

  #file(object: T): void {
    const value = this.#indexer?.(object);
    if (value === undefined) return;
    const filed = this.#index.get(value);
    if (filed === undefined) this.#index.set(value, new Set([object]));
    else filed.add(object);
  }

  #unfile(object: T | undefined): void {
    const value = object === undefined ? undefined : this.#indexer?.(object);
    if (object === undefined || value === undefined) return;
    const filed = this.#index.get(value);
    filed?.delete(object);
    if (filed?.size === 0) this.#index.delete(value);
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  const { uid, resourceVersion } = a.metadata;
  return uid === b.metadata.uid && resourceVersion === b.metadata.resourceVersion;
}

function isNewer(a: KubeObject, b: KubeObject): boolean {
  return compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) > 0;
}
