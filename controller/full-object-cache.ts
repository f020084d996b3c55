/**
 * A memory-bounded cache of full SequentialJobs. The informer's cache keeps a small part of each object; this one keeps
 * the full objects while memory allows. A spec may have a megabyte, and a user may create hundreds: the total is
 * bounded, and each namespace has its share. Objects that do not fit are read from the API server when they are
 * reconciled.
 */
import type { ObjectMeta, SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { estimateMemory } from '../shared/validation/value-limit.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';

/** A SequentialJob whose spec, at least, was removed. */
export interface TrimmedSequentialJob extends SequentialJob {
  readonly trimmed?: {
    /** Approximate memory of the full object, in bytes. */
    readonly weight: number;
    /** Finalizers and steps of the status are missing, too. */
    readonly isSummary?: true;
  };
}

/** Approximate memory limit of all full objects, in bytes: enough for some 10,000 ordinary sequences. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024;
/** Approximate memory limit of the objects read from the API server for running reconciles, in bytes. */
const MAX_ACQUIRED_BYTES = 32 * 1024 * 1024;
/**
 * Up to these sizes (approximate memory, in bytes) the informer's cache keeps finalizers and status of each object.
 * This status has some twenty steps; there may be tens of thousands of objects.
 */
const MAX_FINALIZER_BYTES = 2 * 1024;
const MAX_STATUS_BYTES = 24 * 1024;

interface Entry {
  readonly object: SequentialJob;
  readonly weight: number;
  /**
   * What `object` lacks: the status, which the informer's cache has unless it is long, or the spec, because the sequence
   * has completed and never runs again.
   */
  readonly lacks: 'nothing' | 'status' | 'spec';
}

/** The entries of one namespace by UID, least recently updated first. */
interface NamespaceShare {
  readonly entries: Map<string, Entry>;
  weight: number;
}

export interface FullObjectCacheOptions {
  /** Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Called when the object of this UID is evicted for lack of memory: no other part may keep its spec. */
  readonly onEvict?: (uid: string) => void;
  /** Called when the spec of this UID, of `weight` bytes, is replaced by another one. */
  readonly onReplace?: (uid: string, weight: number) => void;
  /** Called when an object is read from the API server. */
  readonly onFetch?: () => void;
}

export class FullObjectCache {
  readonly #shares = new Map<string, NamespaceShare>();
  readonly #options: FullObjectCacheOptions;
  /** Bytes acquired by each namespace. */
  readonly #acquiredBy = new Map<string, number>();
  #weight = 0;
  #acquired = 0;

  constructor(options: FullObjectCacheOptions = {}) {
    this.#options = options;
  }

  /** Approximate memory of the full objects, in bytes. */
  get cachedBytes(): number {
    return this.#weight;
  }

  /**
   * Returns the part of the object for the informer's cache, and caches the full object. If memory is short, the
   * namespace that uses most evicts its least recently updated object. Of a completed sequence only a long status is
   * cached. If the informer's cache may reject the object, call `forgetUnlessCached` afterwards.
   */
  trim(object: SequentialJob): TrimmedSequentialJob {
    if (isTrimmed(object)) return object;
    const weight = estimateMemory(object);
    const cached = trimmedCopy(object, weight);
    const known = this.#entry(object);
    this.forget(object.metadata);
    const isSummary = cached.trimmed.isSummary === true;
    if (!isTrue(object.status?.conditions, 'Complete')) {
      const stored = this.#reuseSpec(isSummary ? object : withoutStatus(object), known);
      if (isSummary) this.#store({ object: stored, weight, lacks: 'nothing' });
      else this.#store({ object: stored, weight: estimateMemory(stored), lacks: 'status' });
    } else if (isSummary) {
      const stored = { ...object, spec: cached.spec };
      this.#store({ object: stored, weight: estimateMemory(object.status), lacks: 'spec' });
    }
    return cached;
  }

  /**
   * Forgets an object that the informer's cache does not have (`cached`: the object that it has under that name): no
   * event will report its deletion.
   */
  forgetUnlessCached({ metadata }: SequentialJob, cached: SequentialJob | undefined): void {
    if (cached?.metadata.uid !== metadata.uid) this.forget(metadata);
  }

  /** `forgetUnlessCached` for all objects. */
  forgetAllUnlessCached(cached: (object: SequentialJob) => SequentialJob | undefined): void {
    for (const { entries } of this.#shares.values()) {
      for (const { object } of entries.values()) this.forgetUnlessCached(object, cached(object));
    }
  }

  /** The full object; undefined if it is not cached in this version. */
  full(cached: SequentialJob): SequentialJob | undefined {
    if (!isTrimmed(cached)) return cached;
    const { trimmed, ...rest } = cached;
    const entry = this.#entry(cached);
    if (entry === undefined || entry.lacks === 'spec') return undefined;
    if (trimmed.isSummary === true)
      return entry.lacks === 'nothing' && isSameVersion(entry.object, cached) ? entry.object : undefined;
    return entry.object.metadata.generation === cached.metadata.generation
      ? { ...rest, spec: entry.object.spec }
      : undefined;
  }

  /**
   * The object without its spec if the sequence has finished and nothing is requested of it (`needsNoSpec`); else
   * undefined.
   */
  finishedWithoutSpec(cached: TrimmedSequentialJob): TrimmedSequentialJob | undefined {
    if (cached.trimmed?.isSummary !== true) return needsNoSpec(cached) ? cached : undefined;
    const entry = this.#entry(cached);
    if (entry === undefined || entry.lacks === 'status') return undefined;
    return isSameVersion(entry.object, cached) && needsNoSpec(entry.object) ? entry.object : undefined;
  }

  /** The spec of a trimmed object; undefined if it is not cached. */
  specOf(cached: SequentialJob): SequentialJobSpec | undefined {
    return this.full(cached)?.spec;
  }

  /**
   * Reserves memory for an object to be read from the API server; false if other objects use it. Call `release`
   * afterwards. With no other reservation, an object of any size is admitted.
   */
  acquire({ metadata: { namespace }, trimmed }: TrimmedSequentialJob): boolean {
    const weight = trimmed?.weight ?? 0;
    const own = this.#acquiredBy.get(namespace) ?? 0;
    const others = this.#acquired - own;
    // The first object of a namespace may use all free memory; its further ones use at most half of what other
    // namespaces leave, so that another namespace finds memory.
    const limit = own === 0 ? MAX_ACQUIRED_BYTES - others : (MAX_ACQUIRED_BYTES - others) / 2;
    if (this.#acquired > 0 && own + weight > limit) return false;
    this.#countAcquired(namespace, weight);
    this.#options.onFetch?.();
    return true;
  }

  release({ metadata: { namespace }, trimmed }: TrimmedSequentialJob): void {
    this.#countAcquired(namespace, -(trimmed?.weight ?? 0));
  }

  #countAcquired(namespace: string, weight: number): void {
    this.#acquired += weight;
    const own = (this.#acquiredBy.get(namespace) ?? 0) + weight;
    if (own > 0) this.#acquiredBy.set(namespace, own);
    else this.#acquiredBy.delete(namespace);
  }

  /** Called when the object was deleted. */
  forget({ namespace, uid }: Pick<ObjectMeta, 'namespace' | 'uid'>): void {
    const share = this.#shares.get(namespace);
    const known = share?.entries.get(uid);
    if (share === undefined || known === undefined) return;
    share.entries.delete(uid);
    share.weight -= known.weight;
    this.#weight -= known.weight;
    if (share.entries.size === 0) this.#shares.delete(namespace);
  }

  #entry({ metadata: { namespace, uid } }: SequentialJob): Entry | undefined {
    return this.#shares.get(namespace)?.entries.get(uid);
  }

  /** Reuses the cached spec if it is equal, because `Revisions` refers to it, too. */
  #reuseSpec(object: SequentialJob, known: Entry | undefined): SequentialJob {
    if (known === undefined || known.lacks === 'spec') return object;
    if (isEqual(known.object.spec, object.spec)) return { ...object, spec: known.object.spec };
    this.#options.onReplace?.(object.metadata.uid, known.weight);
    return object;
  }

  #store(entry: Entry): void {
    const { namespace, uid } = entry.object.metadata;
    const share = this.#shares.get(namespace) ?? { entries: new Map<string, Entry>(), weight: 0 };
    this.#shares.set(namespace, share);
    share.entries.set(uid, entry);
    share.weight += entry.weight;
    this.#weight += entry.weight;
    const { maxBytes = MAX_CACHED_BYTES } = this.#options;
    while (this.#weight > maxBytes) this.#evictOne();
  }

  #evictOne(): void {
    let most: NamespaceShare | undefined;
    for (const share of this.#shares.values()) if (most === undefined || share.weight > most.weight) most = share;
    for (const { object } of most?.entries.values() ?? []) {
      this.forget(object.metadata);
      this.#options.onEvict?.(object.metadata.uid);
      return;
    }
  }
}

/** The informer's cache has the status. */
function withoutStatus(whole: SequentialJob): SequentialJob {
  const { status: _, ...object } = whole;
  return object;
}

const isSameVersion = (a: SequentialJob, b: SequentialJob): boolean =>
  a.metadata.resourceVersion === b.metadata.resourceVersion;

/** Whether two JSON values are equal; unordered keys may differ. A wrong `false` only costs memory. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const [left, right] = [a as Json, b as Json];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => isEqual(left[key], right[key]));
}

type Json = Readonly<Record<string, unknown>>;

export function isTrimmed(
  object: TrimmedSequentialJob,
): object is TrimmedSequentialJob & Required<Pick<TrimmedSequentialJob, 'trimmed'>> {
  return object.trimmed !== undefined;
}

/**
 * Whether the sequence is being deleted, or is recorded as finished with no request pending: decisions about it do not
 * need the spec.
 */
export function needsNoSpec({ metadata, spec, status, trimmed }: TrimmedSequentialJob): boolean {
  if (trimmed?.isSummary === true) return false;
  if (metadata.deletionTimestamp !== undefined) return true;
  if (status?.observedGeneration !== metadata.generation) return false;
  if (isTrue(status?.conditions, 'Complete')) return true;
  return isTrue(status?.conditions, 'Failed') && (spec.resume ?? 0) <= (status?.resumes ?? 0);
}

function trimmedCopy(
  { status, ...object }: SequentialJob,
  weight: number,
): TrimmedSequentialJob & Required<Pick<TrimmedSequentialJob, 'trimmed'>> {
  const { metadata, spec } = object;
  const { activeDeadlineSeconds, ttlSecondsAfterFinished, suspend, resume, updatePolicy } = spec;
  const finalizers = metadata.finalizers ?? [];
  const isLarge = estimateMemory(finalizers) > MAX_FINALIZER_BYTES || estimateMemory(status) > MAX_STATUS_BYTES;
  return {
    ...object,
    metadata: isLarge ? { ...metadata, finalizers: [] } : metadata,
    spec: {
      steps: [],
      ...omitUndefined({ activeDeadlineSeconds, ttlSecondsAfterFinished, suspend, resume, updatePolicy }),
    },
    ...(status === undefined ? {} : { status: isLarge ? statusSummary(status) : status }),
    trimmed: isLarge ? { weight, isSummary: true } : { weight },
  };
}

/** The part of the status that is read without the full object: the phase, its end, requests, and the running step. */
function statusSummary(status: SequentialJobStatus): SequentialJobStatus {
  const { phase, progress, steps, finally: finallySteps, completionTime, observedGeneration, resumes } = status;
  const [last, lastOfFinally] = [steps?.at(-1), finallySteps?.at(-1)];
  const { currentIndex, currentStep } = progress ?? {};
  return {
    ...omitUndefined({ phase, completionTime, observedGeneration, resumes }),
    progress: { ...omitUndefined({ currentIndex, currentStep }), completedIndices: [], summary: '' },
    ...(last === undefined ? {} : { steps: [last] }),
    ...(finallySteps === undefined ? {} : { finally: lastOfFinally === undefined ? [] : [lastOfFinally] }),
  };
}
