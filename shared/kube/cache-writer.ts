/**
 * Transforms the objects of lists and watches and writes them to the cache. An object for which the program's own
 * code throws does not stop the others.
 */
import { type Cache, keyOf, type KubeObject } from './cache.ts';

export interface CacheWriterOptions<T extends KubeObject> {
  readonly cache: Pick<Cache<T>, 'get' | 'observe' | 'remove'>;
  /** The part of an object to keep, or undefined if the object is irrelevant; called once per object. */
  readonly transform: (raw: unknown) => T | undefined;
  /** Receives each error that the transform throws, with the object. */
  readonly onInternalError: (error: unknown, object: KubeObject | undefined) => void;
}

/** An object as received, not validated. */
type RawObject = { readonly metadata?: Partial<KubeObject['metadata']> | null } | null | undefined;

export class CacheWriter<T extends KubeObject> {
  readonly #options: CacheWriterOptions<T>;

  constructor(options: CacheWriterOptions<T>) {
    this.#options = options;
  }

  /**
   * The object of a list to keep: the cached one if it has this version, so that a repeated list takes no memory for what
   * has not changed. If the transform throws, it stays as the cache has it (a running Pod must not count
   * as deleted), or is left out (undefined) if the cache does not have it.
   */
  fromList(raw: unknown, mayReuse: boolean): T | undefined {
    const known = this.#cached(raw);
    if (mayReuse && known !== undefined && known.metadata.resourceVersion === versionOf(raw)) return known;
    const { object, hasFailed } = this.#transform(raw);
    return hasFailed ? known : object;
  }

  /**
   * Applies a watch event: the new state of an object or, if `isDeleted`, its last state. Leaves out an object for
   * which the transform throws. An object that became irrelevant is removed.
   */
  observe(raw: unknown, isDeleted: boolean): void {
    const { cache } = this.#options;
    const { object, hasFailed } = this.#transform(raw);
    if (object !== undefined && !isDeleted) cache.observe(object);
    else if (isDeleted && hasIdentity(raw)) cache.remove(object ?? raw, object);
    else if (!hasFailed && hasIdentity(raw) && this.#cached(raw) !== undefined) cache.remove(raw);
  }

  #transform(raw: unknown): { readonly object: T | undefined; readonly hasFailed: boolean } {
    try {
      return { object: this.#options.transform(raw), hasFailed: false };
    } catch (error) {
      this.#options.onInternalError(error, hasIdentity(raw) ? raw : undefined);
      return { object: undefined, hasFailed: true };
    }
  }

  #cached(raw: unknown): T | undefined {
    const known = hasIdentity(raw) ? this.#options.cache.get(keyOf(raw)) : undefined;
    return known?.metadata.uid === (raw as RawObject)?.metadata?.uid ? known : undefined;
  }
}

const versionOf = (raw: unknown): string | undefined => (raw as RawObject)?.metadata?.resourceVersion;

function hasIdentity(raw: unknown): raw is KubeObject {
  const metadata = (raw as RawObject)?.metadata;
  return [metadata?.name, metadata?.uid, metadata?.resourceVersion].every((text) => typeof text === 'string');
}
