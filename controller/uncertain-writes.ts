/**
 * Writes of unknown outcome: they got no answer, or one that the server gave while failing, and may have been carried out
 * all the same (`ApiError.isUncertainWrite`). What the caches say of their object may be behind our own write, and what was to be told with the write has
 * not been told. See docs/adr/0002-one-start-per-step.md.
 */
import type { EventDraft } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import type { Key } from '../shared/kube/cache.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { statusPatch } from './report.ts';

/** A write that may have been carried out, and what is to be told when it was. */
export interface Unheard {
  /** As it was before. */
  readonly object: SequentialJob;
  /** What was written; undefined: the last finalizer was taken off. */
  readonly status: SequentialJobStatus | undefined;
  readonly events: readonly EventDraft[];
}

/** In memory only: after a restart nobody knows what was to be told. */
export class Doubts {
  readonly #open = new Set<Key>();
  readonly #unheard = new Map<Key, readonly Unheard[]>();

  /** Whether the API server itself is to be asked before anything is decided. */
  has(key: Key): boolean {
    return this.#open.has(key);
  }

  /** Takes how a request failed; where that was no write, or its outcome is known, nothing is kept. */
  note(key: Key, error: unknown, unheard?: Unheard): void {
    if (!isApiError(error) || !error.isUncertainWrite) return;
    this.#open.add(key);
    if (unheard !== undefined) this.#unheard.set(key, [...(this.#unheard.get(key) ?? []), unheard]);
  }

  /** It is known again how the object is. What was tried may still arrive. */
  looked(key: Key): void {
    this.#open.delete(key);
  }

  /** A later write got through: those before it did not, and can't any more. */
  outdated(key: Key): void {
    this.#unheard.delete(key);
  }

  /** The write that was carried out after all, by what is stored now; once. */
  carriedOut(key: Key, stored: SequentialJob | undefined): Unheard | undefined {
    const found = this.#unheard.get(key)?.find((one) => isCarriedOut(one, stored));
    if (found !== undefined || stored === undefined) this.#unheard.delete(key);
    return found;
  }
}

function isCarriedOut({ object, status }: Unheard, stored: SequentialJob | undefined): boolean {
  const isThere = stored?.metadata.uid === object.metadata.uid;
  return status === undefined ? !isThere : isThere && statusPatch(stored, status) === undefined;
}
