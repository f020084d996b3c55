/**
 * What the cache keeps of SequentialJobs: of each the little that is read all the time, and the rest for as long as there is
 * room. A spec may have a megabyte, and whoever may create one may create hundreds: what all of them hold together is bounded,
 * and each namespace has its share. What there is no room for is asked for when its turn comes.
 */
import type { ObjectMeta, SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { estimateMemory } from '../shared/validation/value-limit.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';

/** A SequentialJob of which a part is not there. */
export interface TrimmedSequentialJob extends SequentialJob {
  readonly trimmed?: {
    /** Of the whole, in bytes of memory, about. */
    readonly weight: number;
    /** More is not there than the spec: finalizers, or the steps of the status. */
    readonly more?: true;
  };
}

/** What the rests of all objects may take, in bytes of memory, about: some 10,000 ordinary sequences. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** What those may take that are asked for, of all that are worked on at once. */
const MAX_ACQUIRED_BYTES = 32 * 1024 * 1024;
/**
 * What is kept of an object in any case, in bytes of memory, about. Such a status is one of some twenty steps; there may be
 * tens of thousands of objects.
 */
const MAX_FINALIZER_BYTES = 2 * 1024;
const MAX_STATUS_BYTES = 24 * 1024;

interface Entry {
  readonly object: SequentialJob;
  readonly weight: number;
  /** Of one that has completed, as it will never run again. */
  readonly isWithoutSpec: boolean;
}

/** Those of one namespace by their UIDs, the one first that was seen longest ago. */
interface NamespaceShare {
  readonly held: Map<string, Entry>;
  weight: number;
}

export interface ObjectStoreOptions {
  /** Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** The rest of this object, by its UID, is to be kept by nobody: there is no room for it. */
  readonly onEvict?: (uid: string) => void;
  /** The spec of this object, by its UID, which took so many bytes, is replaced by another one. */
  readonly onReplace?: (uid: string, weight: number) => void;
  /** An object is to be asked for. */
  readonly onFetch?: () => void;
}

export class ObjectStore {
  readonly #shares = new Map<string, NamespaceShare>();
  readonly #options: ObjectStoreOptions;
  /** What those of a namespace take that are asked for. */
  readonly #acquiredBy = new Map<string, number>();
  #weight = 0;
  #acquired = 0;

  constructor(options: ObjectStoreOptions = {}) {
    this.#options = options;
  }

  /** What the rests take, in bytes of memory, about. */
  get heldBytes(): number {
    return this.#weight;
  }

  /**
   * What is kept of an object in the cache. The rest is held, where there is room: the namespace that holds most gives up
   * first what it has not heard of for longest. Of a sequence that has completed only a long status is. Where the cache
   * may not take the object, `settle` is to follow.
   */
  trim(object: SequentialJob): TrimmedSequentialJob {
    if (isTrimmed(object)) return object;
    const weight = estimateMemory(object);
    const kept = trimmedCopy(object, weight);
    const known = this.#entry(object);
    this.forget(object.metadata);
    if (!isTrue(object.status?.conditions, 'Complete')) this.#store(this.#reuseSpec(object, known), weight);
    else if (kept.trimmed.more === true)
      this.#store({ ...object, spec: kept.spec }, estimateMemory(object.status), true);
    return kept;
  }

  /** Forgets the rest of an object that the cache does not have (`cached`: what it has by that name): nobody will say when it goes. */
  forgetUnlessCached({ metadata }: SequentialJob, cached: SequentialJob | undefined): void {
    if (cached?.metadata.uid !== metadata.uid) this.forget(metadata);
  }

  /** The same for all that are held. */
  forgetAllUnlessCached(cached: (object: SequentialJob) => SequentialJob | undefined): void {
    for (const { held } of this.#shares.values()) {
      for (const { object } of held.values()) this.forgetUnlessCached(object, cached(object));
    }
  }

  /** The object as it is stored, where that is held. */
  full(kept: SequentialJob): SequentialJob | undefined {
    if (!isTrimmed(kept)) return kept;
    const { trimmed, ...rest } = kept;
    const held = this.#entry(kept);
    if (held === undefined || held.isWithoutSpec) return undefined;
    if (trimmed.more === true) return isSameState(held.object, kept) ? held.object : undefined;
    return held.object.metadata.generation === kept.metadata.generation
      ? { ...rest, spec: held.object.spec }
      : undefined;
  }

  /** As much of an object as is needed to see that it rests, where it does: its spec may be missing. */
  withoutSpec(kept: TrimmedSequentialJob): TrimmedSequentialJob | undefined {
    if (kept.trimmed?.more !== true) return needsNoSpec(kept) ? kept : undefined;
    const held = this.#entry(kept);
    return held !== undefined && isSameState(held.object, kept) && needsNoSpec(held.object) ? held.object : undefined;
  }

  /** The spec of an object of the cache, where that is held. */
  specOf(kept: SequentialJob): SequentialJobSpec | undefined {
    return this.full(kept)?.spec;
  }

  /**
   * Makes room for an object that has to be asked for; false where others have taken it. What is borrowed is to be given back.
   * One at a time is let in whatever it takes.
   */
  acquire({ metadata: { namespace }, trimmed }: TrimmedSequentialJob): boolean {
    const weight = trimmed?.weight ?? 0;
    const own = this.#acquiredBy.get(namespace) ?? 0;
    const others = this.#acquired - own;
    // The first of a namespace needs room, and what others leave is not all for more of it: so there is room for who comes next.
    const most = own === 0 ? MAX_ACQUIRED_BYTES - others : (MAX_ACQUIRED_BYTES - others) / 2;
    if (this.#acquired > 0 && own + weight > most) return false;
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

  /** The object is gone. */
  forget({ namespace, uid }: Pick<ObjectMeta, 'namespace' | 'uid'>): void {
    const share = this.#shares.get(namespace);
    const known = share?.held.get(uid);
    if (share === undefined || known === undefined) return;
    share.held.delete(uid);
    share.weight -= known.weight;
    this.#weight -= known.weight;
    if (share.held.size === 0) this.#shares.delete(namespace);
  }

  #entry({ metadata: { namespace, uid } }: SequentialJob): Entry | undefined {
    return this.#shares.get(namespace)?.held.get(uid);
  }

  /** With the spec that is known already, where it is the same: others keep that one, too. */
  #reuseSpec(object: SequentialJob, known: Entry | undefined): SequentialJob {
    if (known === undefined || known.isWithoutSpec) return object;
    if (isEqual(known.object.spec, object.spec)) return { ...object, spec: known.object.spec };
    this.#options.onReplace?.(object.metadata.uid, known.weight);
    return object;
  }

  #store(object: SequentialJob, weight: number, isWithoutSpec = false): void {
    const { namespace, uid } = object.metadata;
    const share = this.#shares.get(namespace) ?? { held: new Map<string, Entry>(), weight: 0 };
    this.#shares.set(namespace, share);
    share.held.set(uid, { object, weight, isWithoutSpec });
    share.weight += weight;
    this.#weight += weight;
    const { maxBytes = MAX_HELD_BYTES } = this.#options;
    while (this.#weight > maxBytes) this.#evictOne();
  }

  #evictOne(): void {
    let most: NamespaceShare | undefined;
    for (const share of this.#shares.values()) if (most === undefined || share.weight > most.weight) most = share;
    for (const { object } of most?.held.values() ?? []) {
      this.forget(object.metadata);
      this.#options.onEvict?.(object.metadata.uid);
      return;
    }
  }
}

const isSameState = (a: SequentialJob, b: SequentialJob): boolean =>
  a.metadata.resourceVersion === b.metadata.resourceVersion;

/** Whether two values of JSON are the same to the order of their keys: an answer that is false costs memory and no more. */
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
 * Whether a sequence goes, or is over, on record, and nothing is asked of it: what is decided about it needs no more than is kept.
 */
export function needsNoSpec({ metadata, spec, status, trimmed }: TrimmedSequentialJob): boolean {
  if (trimmed?.more === true) return false;
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
      containers: [],
      ...omitUndefined({ activeDeadlineSeconds, ttlSecondsAfterFinished, suspend, resume, updatePolicy }),
    },
    ...(status === undefined ? {} : { status: isLarge ? statusSummary(status) : status }),
    trimmed: isLarge ? { weight, more: true } : { weight },
  };
}

/** What is read without a look at the whole: the phase, and which step runs. */
function statusSummary({ phase, progress, steps }: SequentialJobStatus): SequentialJobStatus {
  const last = steps?.at(-1);
  const { currentIndex, currentStep } = progress ?? {};
  return {
    ...omitUndefined({ phase }),
    progress: { ...omitUndefined({ currentIndex, currentStep }), completedIndices: [], summary: '' },
    ...(last === undefined ? {} : { steps: [last] }),
  };
}
