/**
 * What the cache keeps of SequentialJobs: of each the little that is read all the time, and the rest for as long as there is
 * room. A spec may have a megabyte, and whoever may create one may create hundreds: what all of them hold together is bounded,
 * and each namespace has its share. What there is no room for is asked for when its turn comes.
 */
import type { ObjectMeta, SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { weightOf } from '../shared/validation/size.ts';
import { defined } from './defined.ts';

/** A SequentialJob of which a part is not there. */
export interface Kept extends SequentialJob {
  readonly cut?: {
    /** Of the whole, in bytes of memory, about. */
    readonly weight: number;
    /** More is not there than the spec: finalizers, or the steps of the status. */
    readonly more?: true;
  };
}

/** What the rests of all objects may take, in bytes of memory, about: some 10,000 ordinary sequences. */
const MOST_HELD = 64 * 1024 * 1024;
/** What those may take that are asked for, of all that are worked on at once. */
const MOST_BORROWED = 32 * 1024 * 1024;
/**
 * What is kept of an object in any case: finalizers in number, a status in bytes of memory, about. That is one of some twenty steps;
 * there may be tens of thousands of objects.
 */
const MOST_FINALIZERS = 16;
const MOST_STATUS = 16 * 1024;

interface Held {
  readonly object: SequentialJob;
  readonly weight: number;
}

/** Those of one namespace by their UIDs, the one first that was seen longest ago. */
interface Share {
  readonly held: Map<string, Held>;
  weight: number;
}

export interface SpecsOptions {
  /** Default 64 MiB. */
  readonly most?: number | undefined;
  /** The rest of this object, by its UID, is to be kept by nobody: there is no room for it. */
  readonly onDrop?: (uid: string) => void;
  /** An object is to be asked for. */
  readonly onBorrow?: () => void;
}

export class Specs {
  readonly #shares = new Map<string, Share>();
  readonly #most: number;
  readonly #onDrop: (uid: string) => void;
  readonly #onBorrow: () => void;
  #weight = 0;
  #borrowed = 0;

  constructor({ most = MOST_HELD, onDrop = () => undefined, onBorrow = () => undefined }: SpecsOptions = {}) {
    this.#most = most;
    this.#onDrop = onDrop;
    this.#onBorrow = onBorrow;
  }

  /** What the rests take, in bytes of memory, about. */
  get held(): number {
    return this.#weight;
  }

  /**
   * What is kept of an object in the cache. The rest is held, where there is room: the namespace that holds most gives up
   * first what it has not heard of for longest. Of a sequence that has completed nothing is: it will never run again.
   */
  cut(object: SequentialJob): Kept {
    if (isCut(object)) return object;
    const weight = weightOf(object);
    const known = this.#heldOf(object);
    this.forget(object.metadata);
    if (!isTrue(object.status?.conditions, 'Complete')) this.#hold(sharing(object, known), weight);
    return skeleton(object, weight);
  }

  /** The object as it is stored, where that is held. */
  whole(kept: SequentialJob): SequentialJob | undefined {
    if (!isCut(kept)) return kept;
    const { cut, ...rest } = kept;
    const held = this.#heldOf(kept);
    if (held === undefined) return undefined;
    if (cut.more === true) return held.metadata.resourceVersion === kept.metadata.resourceVersion ? held : undefined;
    return held.metadata.generation === kept.metadata.generation ? { ...rest, spec: held.spec } : undefined;
  }

  /** The spec of an object of the cache, where that is held. */
  specOf(kept: SequentialJob): SequentialJobSpec | undefined {
    return this.whole(kept)?.spec;
  }

  /**
   * Makes room for an object that has to be asked for; false where others have taken it. What is borrowed is to be given back.
   * One at a time is let in whatever it takes.
   */
  borrow({ cut }: Kept): boolean {
    const weight = cut?.weight ?? 0;
    if (this.#borrowed > 0 && this.#borrowed + weight > MOST_BORROWED) return false;
    this.#borrowed += weight;
    this.#onBorrow();
    return true;
  }

  giveBack({ cut }: Kept): void {
    this.#borrowed -= cut?.weight ?? 0;
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

  #heldOf({ metadata: { namespace, uid } }: SequentialJob): SequentialJob | undefined {
    return this.#shares.get(namespace)?.held.get(uid)?.object;
  }

  #hold(object: SequentialJob, weight: number): void {
    const { namespace, uid } = object.metadata;
    const share = this.#shares.get(namespace) ?? { held: new Map<string, Held>(), weight: 0 };
    this.#shares.set(namespace, share);
    share.held.set(uid, { object, weight });
    share.weight += weight;
    this.#weight += weight;
    while (this.#weight > this.#most) this.#dropOne();
  }

  #dropOne(): void {
    let most: Share | undefined;
    for (const share of this.#shares.values()) if (most === undefined || share.weight > most.weight) most = share;
    for (const { object } of most?.held.values() ?? []) {
      this.forget(object.metadata);
      this.#onDrop(object.metadata.uid);
      return;
    }
  }
}

/** With the spec that is known already, where it is the same: others keep that one, too. */
function sharing(object: SequentialJob, known: SequentialJob | undefined): SequentialJob {
  return known !== undefined && isEqual(known.spec, object.spec) ? { ...object, spec: known.spec } : object;
}

/** Whether two values of JSON are the same to the order of their keys: an answer that is false costs memory and no more. */
function isEqual(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  const [left, right] = [a as Json, b as Json];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => isEqual(left[key], right[key]));
}

type Json = Readonly<Record<string, unknown>>;

export function isCut(object: Kept): object is Kept & Required<Pick<Kept, 'cut'>> {
  return object.cut !== undefined;
}

/**
 * Whether a sequence is over, on record, and nothing is asked of it: what is decided about it needs no more than is kept.
 */
export function rests({ metadata, spec, status, cut }: Kept): boolean {
  if (cut?.more === true || metadata.deletionTimestamp !== undefined) return false;
  if (status?.observedGeneration !== metadata.generation) return false;
  if (isTrue(status?.conditions, 'Complete')) return true;
  return isTrue(status?.conditions, 'Failed') && (spec.resume ?? 0) <= (status?.resumes ?? 0);
}

function skeleton({ status, ...object }: SequentialJob, weight: number): Kept {
  const { metadata, spec } = object;
  const { activeDeadlineSeconds, ttlSecondsAfterFinished, suspend, resume, updatePolicy } = spec;
  const finalizers = metadata.finalizers ?? [];
  const isLarge = finalizers.length > MOST_FINALIZERS || weightOf(status) > MOST_STATUS;
  return {
    ...object,
    metadata: isLarge ? { ...metadata, finalizers: [] } : metadata,
    spec: {
      containers: [],
      ...defined({ activeDeadlineSeconds, ttlSecondsAfterFinished, suspend, resume, updatePolicy }),
    },
    ...(status === undefined ? {} : { status: isLarge ? gist(status) : status }),
    cut: isLarge ? { weight, more: true } : { weight },
  };
}

/** What is read without a look at the whole: the phase, and which step runs. */
function gist({ phase, progress, steps }: SequentialJobStatus): SequentialJobStatus {
  const last = steps?.at(-1);
  const { currentIndex, currentStep } = progress ?? {};
  return {
    ...defined({ phase }),
    progress: { ...defined({ currentIndex, currentStep }), completedIndices: [], summary: '' },
    ...(last === undefined ? {} : { steps: [last] }),
  };
}
