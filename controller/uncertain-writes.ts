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
export interface UnacknowledgedWrite {
  /** As it was before. */
  readonly object: SequentialJob;
  /** What was written; undefined: the last finalizer was taken off. */
  readonly status: SequentialJobStatus | undefined;
  readonly events: readonly EventDraft[];
}

/** In memory only: after a restart nobody knows what was to be told. */
export class UncertainWrites {
  readonly #pending = new Set<Key>();
  readonly #unacknowledged = new Map<Key, readonly UnacknowledgedWrite[]>();

  /** Whether the API server itself is to be asked before anything is decided. */
  isPending(key: Key): boolean {
    return this.#pending.has(key);
  }

  /** Takes how a request failed; where that was no write, or its outcome is known, nothing is kept. */
  record(key: Key, error: unknown, unheard?: UnacknowledgedWrite): void {
    if (!isApiError(error) || !error.isUncertainWrite) return;
    this.#pending.add(key);
    if (unheard !== undefined) this.#unacknowledged.set(key, [...(this.#unacknowledged.get(key) ?? []), unheard]);
  }

  /** It is known again how the object is. What was tried may still arrive. */
  resolve(key: Key): void {
    this.#pending.delete(key);
  }

  /** A later write got through: those before it did not, and can't any more. */
  supersede(key: Key): void {
    this.#unacknowledged.delete(key);
  }

  /** The write that was carried out after all, by what is stored now; once. */
  takeApplied(key: Key, stored: SequentialJob | undefined): UnacknowledgedWrite | undefined {
    const found = this.#unacknowledged.get(key)?.find((one) => isApplied(one, stored));
    if (found !== undefined || stored === undefined) this.#unacknowledged.delete(key);
    return found;
  }
}

function isApplied({ object, status }: UnacknowledgedWrite, stored: SequentialJob | undefined): boolean {
  const isThere = stored?.metadata.uid === object.metadata.uid;
  return status === undefined ? !isThere : isThere && statusPatch(stored, status) === undefined;
}
