/**
 * Writes of unknown outcome: the API server did not answer, or answered with a failure of its own, and may have carried
 * the write out all the same (`ApiError.isUncertainWrite`). The caches may then be behind our own write, and the events
 * that follow the write have not been emitted. See docs/adr/0002-one-start-per-step.md.
 */
import { LABELS } from '../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../shared/api/job.ts';
import type { EventDraft } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import type { Cache, Key } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { collectionPath, JOBS, objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { EventRecorder } from './events.ts';
import { statusPatch } from './status-patch.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';

/** A write of unknown outcome, and the events that follow it if it was carried out. */
export interface UnacknowledgedWrite {
  /** The object before the write. */
  readonly object: SequentialJob;
  /** The written status; undefined: the last finalizer was removed. */
  readonly status: SequentialJobStatus | undefined;
  readonly events: readonly EventDraft[];
}

/** In memory only: after a restart nobody knows which events are missing. */
export class UncertainWrites {
  readonly #pending = new Set<Key>();
  readonly #unacknowledged = new Map<Key, readonly UnacknowledgedWrite[]>();

  /** Whether the API server has to be asked for the object before the next decision. */
  isPending(key: Key): boolean {
    return this.#pending.has(key);
  }

  /** Runs `send`, and remembers its failure where the outcome is unknown, with what follows the write; rejects with it. */
  async watch<T>(key: Key, send: () => Promise<T>, write?: UnacknowledgedWrite): Promise<T> {
    try {
      return await send();
    } catch (error) {
      this.record(key, error, write);
      throw error;
    }
  }

  /** Remembers how a request failed; nothing where it was a read, or where the outcome is known. */
  record(key: Key, error: unknown, write?: UnacknowledgedWrite): void {
    if (!isApiError(error) || !error.isUncertainWrite) return;
    this.#pending.add(key);
    if (write !== undefined) this.#unacknowledged.set(key, [...(this.#unacknowledged.get(key) ?? []), write]);
  }

  /** The object is known again as it is stored. A write that was sent may still arrive. */
  resolve(key: Key): void {
    this.#pending.delete(key);
  }

  /** A later write was carried out: the earlier ones were not, and cannot be any more. */
  supersede(key: Key): void {
    this.#unacknowledged.delete(key);
  }

  /** The write that was carried out after all, as the stored object shows; once. */
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

export interface UncertainWritesDeps {
  readonly client: ApiClient;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly jobs: Cache<ObservedJob>;
  readonly uncertainWrites: UncertainWrites;
}

/**
 * The one question before an object is observed: after a write of unknown outcome, reads the object and its Jobs from
 * the API server into the caches. The caches alone could make a decision start a step whose start is recorded, or whose
 * Job exists under the name that an older spec gave it. Returns false where the object is gone; rejects with ApiError.
 */
export async function refreshAfterUncertainWrite(key: Key, deps: UncertainWritesDeps): Promise<boolean> {
  const { client, sequentialJobs, uncertainWrites } = deps;
  if (sequentialJobs.get(key) === undefined) uncertainWrites.resolve(key);
  if (!uncertainWrites.isPending(key)) return true;
  const [namespace = '', name = ''] = key.split('/');
  try {
    const answer = await client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, namespace, name) });
    const object = toSequentialJob(answer);
    const jobs = await listJobs(object, deps);
    sequentialJobs.assume(object);
    for (const job of jobs) deps.jobs.assume(job);
    uncertainWrites.resolve(key);
    return true;
  } catch (error) {
    // The watch event of its deletion is on the way to the cache.
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

async function listJobs(
  { metadata: { namespace, uid } }: SequentialJob,
  { client }: UncertainWritesDeps,
): Promise<readonly ObservedJob[]> {
  const jobs: ObservedJob[] = [];
  await client.request({
    method: 'GET',
    path: collectionPath(JOBS, namespace),
    query: { labelSelector: `${LABELS.uid}=${uid}` },
    // Anybody may put this label on Jobs, each as large as an object can be.
    onItem: (raw) => {
      const job = toObservedJob(raw);
      if (sequentialJobOwner(job)?.uid === uid) jobs.push(job);
    },
  });
  return jobs;
}

export interface AppliedWriteDeps {
  readonly uncertainWrites: UncertainWrites;
  readonly events: Pick<EventRecorder, 'emit'>;
  readonly observer?: { reported(before: SequentialJob, after: SequentialJobStatus): void } | undefined;
}

/** Emits the events of an earlier write that got no answer and was carried out, as the stored object shows. */
export function emitEventsOfAppliedWrite(key: Key, stored: SequentialJob | undefined, deps: AppliedWriteDeps): void {
  const write = deps.uncertainWrites.takeApplied(key, stored);
  if (write === undefined) return;
  const { object, status, events } = write;
  for (const event of events) deps.events.emit(object, event);
  if (status !== undefined) deps.observer?.reported(object, status);
}
