/**
 * The newest known state of a set of objects, updated by a reflector and by the answers to the operator's own writes.
 *
 * The answers matter: a controller whose cache does not contain its own last write could act twice. `assume` stores
 * such an answer at once. Resource versions decide which of two states is newer. A deletion is remembered for a
 * while, so that a late answer cannot restore a deleted object.
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

interface Listener<T> {
  readonly call: (change: Change<T>) => void;
  readonly ownWrites: boolean;
}

export type Indexer<T> = (object: T) => string | undefined;

/**
 * Returns the object to store in place of a received one: an equal object, or one that also carries data of its
 * previous state.
 */
export type Retain<T> = (object: T, previous: T | undefined) => T;

/** Receives each error that a listener, the indexer or `retain` throws, with the object: a bug in the program. */
export type InternalErrorObserver = (error: unknown, object: KubeObject) => void;

const rethrow: InternalErrorObserver = (error) => {
  throw error;
};

/** Maximum number of remembered deletions; each is a UID and a version. */
const MAX_TOMBSTONES = 10_000;

export function keyOf(object: KubeObject): Key {
  const { namespace, name } = object.metadata;
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/**
 * Negative, zero or positive if `a` is older than, equal to or newer than `b`. Resource versions of one resource are
 * increasing decimal numbers (KEP-5504 makes this official; every etcd-backed API server does it). They can exceed
 * 2^53, so they are compared as digits. Other strings compare as equal; then the later arrival wins.
 */
export function compareResourceVersions(a: string, b: string): number {
  if (!/^\d+$/.test(a) || !/^\d+$/.test(b)) return 0;
  return a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length;
}

export class Cache<T extends KubeObject> {
  readonly #objects = new Map<Key, T>();
  readonly #index = new Map<string, Set<T>>();
  /** UIDs of deleted objects with the resource versions of their deletions, oldest first. */
  readonly #tombstones = new Map<string, string>();
  readonly #indexer: Indexer<T> | undefined;
  readonly #retain: Retain<T>;
  readonly #onInternalError: InternalErrorObserver;
  /** Resource version of the last complete list. */
  #listedVersion = '0';
  readonly #listeners: Listener<T>[] = [];

  /** `onInternalError` by default throws the error to the caller that updates the cache. */
  constructor(
    indexer?: Indexer<T>,
    retain: Retain<T> = (object) => object,
    onInternalError: InternalErrorObserver = rethrow,
  ) {
    this.#indexer = indexer;
    this.#retain = retain;
    this.#onInternalError = onInternalError;
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

  /** The objects with this index value. */
  indexed(value: string): readonly T[] {
    return [...(this.#index.get(value) ?? [])];
  }

  /**
   * Listeners are called synchronously after the cache has changed. A listener that throws does not affect the
   * others. `ownWrites`: it is also called for the answers to own writes (`assume`); default false.
   */
  subscribe(call: (change: Change<T>) => void, { ownWrites = false }: { readonly ownWrites?: boolean } = {}): void {
    this.#listeners.push({ call, ownWrites });
  }

  /**
   * Stores a state from the watch, unless the cache has a newer one: from an own write, or because the watch replays
   * old events, possibly of an object that was deleted since.
   */
  observe(object: T): void {
    if (!this.#objects.has(keyOf(object)) && this.#isOutdated(object)) return;
    this.#upsertIfNewer(object);
  }

  /**
   * Stores the answer to an own write, unless the cache has a newer state or knows of the deletion. Only listeners
   * with `ownWrites` are called, and none when the watch delivers the same state: the writer already acted on it.
   */
  assume(object: T): void {
    if (this.#tombstones.has(object.metadata.uid)) return;
    const known = this.#objects.get(keyOf(object));
    if (known === undefined && this.#isOutdated(object)) return;
    if (known === undefined || isNewer(object, known)) this.#put(object, true);
  }

  /**
   * Applies a deletion from the watch. Of `object` only the names and the resource version (that of the deletion) are
   * used. Listeners get `last`, the object's last state, if there is one.
   */
  remove(object: KubeObject, last?: T): void {
    const { uid, resourceVersion } = object.metadata;
    const known = this.#objects.get(keyOf(object));
    // The name may belong to a newer object by now.
    const isSameObject = known?.metadata.uid === uid;
    // A replayed deletion of an object that matches the selector again.
    if (isSameObject && isNewer(known, object)) return;
    this.#recordTombstone(uid, resourceVersion);
    if (isSameObject) this.#drop(known, last === undefined ? known : this.#retained(last, known));
  }

  /** `replacing`, at once. */
  replace(objects: readonly T[], resourceVersion: string, isHistoryReset = false): void {
    for (const _ of this.replacing(objects, resourceVersion, isHistoryReset));
  }

  /**
   * Replaces the contents by a complete list as of `resourceVersion`, which outranks everything known up to that
   * version. Objects that it lacks are deleted, except those that the operator wrote after the list was made.
   * `isHistoryReset`: the server's history started anew (restored from a backup), so everything known before is dropped.
   * Yields after each object, so that a long list does not block the process: until the end the cache holds some objects
   * in the state before and others as listed, as during a watch. Own writes and deletions of that time stay; after a
   * reset of the history only those of objects that are new or already replaced.
   */
  *replacing(objects: readonly T[], resourceVersion: string, isHistoryReset = false): Generator<void, void> {
    const listed = new Set(objects.map(keyOf));
    /** Their versions cannot be compared with those of the list. */
    const incomparable = new Set(isHistoryReset ? this.#objects.values() : []);
    if (isHistoryReset) this.#forgetHistory();
    const isOutranked = (known: T): boolean =>
      incomparable.has(known) || compareResourceVersions(known.metadata.resourceVersion, resourceVersion) <= 0;
    const dropUnlisted = (): void => {
      for (const known of this.#objects.values())
        if (!listed.has(keyOf(known)) && isOutranked(known)) this.#dropAsOf(known, resourceVersion);
    };
    dropUnlisted();
    for (const object of objects) {
      const known = this.#objects.get(keyOf(object));
      if (known === undefined) this.#putUnlessDeleted(object, resourceVersion);
      else if (!isOutranked(known)) this.#upsertIfNewer(object);
      else if (incomparable.has(known) || !isSame(known, object)) this.#put(object);
      yield;
    }
    // Not earlier: a late answer to an own write of a listed object would be dropped as outdated.
    this.#listedVersion = resourceVersion;
    // A late answer may have brought objects that were deleted before the list.
    dropUnlisted();
  }

  #forgetHistory(): void {
    this.#tombstones.clear();
    this.#listedVersion = '0';
  }

  #dropAsOf(known: T, version: string): void {
    this.#recordTombstone(known.metadata.uid, version);
    this.#drop(known);
  }

  /**
   * Stores a listed object, unless it was deleted after the list. The answer that ends an own deletion has the version
   * of before.
   */
  #putUnlessDeleted(object: T, listVersion: string): void {
    const { uid, resourceVersion } = object.metadata;
    const deletedVersion = this.#tombstones.get(uid);
    if (deletedVersion === resourceVersion) return;
    if (deletedVersion !== undefined && compareResourceVersions(deletedVersion, listVersion) > 0) return;
    this.#tombstones.delete(uid);
    this.#put(object);
  }

  #upsertIfNewer(object: T): void {
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && (isNewer(known, object) || isSame(known, object))) return;
    // The object matches the selector again, for example because a label was restored.
    this.#tombstones.delete(object.metadata.uid);
    this.#put(object);
  }

  /**
   * Whether an object that is not in the cache was deleted after this state: before the last list, or by a later
   * event.
   */
  #isOutdated({ metadata: { uid, resourceVersion } }: T): boolean {
    const deletedVersion = this.#tombstones.get(uid);
    if (deletedVersion === resourceVersion) return true;
    return [this.#listedVersion, deletedVersion ?? '0'].some(
      (version) => compareResourceVersions(resourceVersion, version) < 0,
    );
  }

  #put(arrived: T, silent = false): void {
    const key = keyOf(arrived);
    const previous = this.#objects.get(key);
    if (previous !== undefined && previous.metadata.uid !== arrived.metadata.uid) {
      // Deleted and re-created under the same name between two events: two objects, two changes.
      this.#recordTombstone(previous.metadata.uid, arrived.metadata.resourceVersion);
      this.#drop(previous);
      this.#put(arrived, silent);
      return;
    }
    const object = this.#retained(arrived, previous);
    this.#unindex(previous);
    this.#objects.set(key, object);
    this.#addToIndex(object);
    this.#notify(previous === undefined ? { type: 'added', object } : { type: 'modified', object, previous }, silent);
  }

  #retained(arrived: T, previous: T | undefined): T {
    return this.#guarded(arrived, (object) => this.#retain(object, previous)) ?? arrived;
  }

  /** `last`: the object's last state, if the watch sent it. */
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
    const indexed = this.#index.get(value);
    if (indexed === undefined) this.#index.set(value, new Set([object]));
    else indexed.add(object);
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

  #notify(change: Change<T>, isOwnWrite = false): void {
    for (const { call, ownWrites } of this.#listeners) {
      if (ownWrites || !isOwnWrite) this.#guarded(change.object, () => call(change));
    }
  }

  /** The result of `work`; undefined if it throws, which is reported. */
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
