/** Turns what a list or a watch brings into what is kept, object by object: one that makes our own code throw stops no other. */
import { type Cache, keyOf, type KubeObject } from './cache.ts';

export interface CacheWriterOptions<T extends KubeObject> {
  readonly cache: Pick<Cache<T>, 'get' | 'observe' | 'remove'>;
  /** What of an object is kept, or undefined where it is not one of those; called once per object that arrives. */
  readonly transform: (raw: unknown) => T | undefined;
  /** Told of what the transform has thrown, and at which object. */
  readonly onInternalError: (error: unknown, object: KubeObject | undefined) => void;
}

/** What arrives, before anybody has looked at it. */
type Raw = { readonly metadata?: Partial<KubeObject['metadata']> | null } | null | undefined;

export class CacheWriter<T extends KubeObject> {
  readonly #options: CacheWriterOptions<T>;

  constructor(options: CacheWriterOptions<T>) {
    this.#options = options;
  }

  /**
   * What is kept of an object of a list. One that cannot be transformed stays as it was known before (a Pod that was seen
   * running must not be taken for gone), and is left out (undefined) where it was not.
   */
  listed(raw: unknown): T | undefined {
    const { object, hasFailed } = this.#transformed(raw);
    return hasFailed ? this.#known(raw) : object;
  }

  /**
   * An object that a watch tells of: as it is now or, where `isGone`, as it was last. Leaves out what cannot be transformed. One
   * that is not one of those any more is as good as gone.
   */
  observe(raw: unknown, isGone: boolean): void {
    const { cache } = this.#options;
    const { object, hasFailed } = this.#transformed(raw);
    if (object !== undefined && !isGone) cache.observe(object);
    else if (isGone && isNamed(raw)) cache.remove(object ?? raw, object);
    else if (!hasFailed && isNamed(raw) && this.#known(raw) !== undefined) cache.remove(raw);
  }

  #transformed(raw: unknown): { readonly object: T | undefined; readonly hasFailed: boolean } {
    try {
      return { object: this.#options.transform(raw), hasFailed: false };
    } catch (error) {
      this.#options.onInternalError(error, isNamed(raw) ? raw : undefined);
      return { object: undefined, hasFailed: true };
    }
  }

  #known(raw: unknown): T | undefined {
    const known = isNamed(raw) ? this.#options.cache.get(keyOf(raw)) : undefined;
    return known?.metadata.uid === (raw as Raw)?.metadata?.uid ? known : undefined;
  }
}

function isNamed(raw: unknown): raw is KubeObject {
  const metadata = (raw as Raw)?.metadata;
  return [metadata?.name, metadata?.uid, metadata?.resourceVersion].every((text) => typeof text === 'string');
}
