/**
 * Writes with unknown outcome: the API server did not answer, or answered with an internal error, and may have applied
 * the write (`ApiError.isUncertainWrite`). The caches may then be older than that write, and its events have not been
 * emitted. See docs/adr/0002-one-start-per-step.md.
 */
import { LABELS } from '../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../shared/api/job.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import type { Cache, Key } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { collectionPath, JOBS, objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { RecordedEvent } from './event-writer.ts';
import type { EventRecorder, EventSubject } from './events.ts';
import { statusPatch, type WithStatus } from './status-patch.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';

/** An object whose status and events the operator writes. */
type Written = EventSubject & WithStatus & { readonly metadata: Pick<ObjectMeta, 'uid'> };

/** A write, and the events to emit when it has been applied. */
export interface TrackedWrite<T extends Written = SequentialJob> {
  /** The object before the write. */
  readonly object: T;
  /** The written status; undefined: the last finalizer was removed. */
  readonly status: T['status'] | undefined;
  readonly events: readonly RecordedEvent[];
}

/** In memory only: after a restart the missing events are unknown. */
export class UncertainWrites<W extends Written = SequentialJob> {
  readonly #toReread = new Set<Key>();
  readonly #withoutAnswer = new Map<Key, readonly TrackedWrite<W>[]>();

  /** Whether the object must be read from the API server before the next decision. */
  mustReread(key: Key): boolean {
    return this.#toReread.has(key);
  }

  /** Runs `send`; if it fails with unknown outcome, records that and the write; rejects with the error. */
  async track<T>(key: Key, send: () => Promise<T>, write?: TrackedWrite<W>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      this.record(key, error, write);
      throw error;
    }
  }

  /** Records the error of a request; ignores reads and known outcomes. */
  record(key: Key, error: unknown, write?: TrackedWrite<W>): void {
    if (!isApiError(error) || !error.isUncertainWrite) return;
    this.#toReread.add(key);
    if (write !== undefined) this.#withoutAnswer.set(key, [...(this.#withoutAnswer.get(key) ?? []), write]);
  }

  /** The stored object has been read. A write that was sent may still be applied. */
  wasReread(key: Key): void {
    this.#toReread.delete(key);
  }

  /** A later status write succeeded: the earlier ones were not applied, and no longer can be: their resource version is outdated. */
  supersede(key: Key): void {
    this.#withoutAnswer.delete(key);
  }

  /** Returns, once, the write that was applied, as the stored object shows. */
  takeApplied(key: Key, stored: W | undefined): TrackedWrite<W> | undefined {
    const found = this.#withoutAnswer.get(key)?.find((one) => isApplied(one, stored));
    if (found !== undefined || stored === undefined) this.#withoutAnswer.delete(key);
    return found;
  }
}

function isApplied<T extends Written>({ object, status }: TrackedWrite<T>, stored: T | undefined): boolean {
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
 * After a write with unknown outcome, reads the object and its Jobs from the API server into the caches. With outdated
 * caches a decision could start a step whose start is recorded, or whose Job exists under the name from an older spec.
 * Returns false if the object is deleted; rejects with ApiError.
 */
export async function refreshAfterUncertainWrite(key: Key, deps: UncertainWritesDeps): Promise<boolean> {
  const { client, sequentialJobs, uncertainWrites } = deps;
  if (sequentialJobs.get(key) === undefined) uncertainWrites.wasReread(key);
  if (!uncertainWrites.mustReread(key)) return true;
  const [namespace = '', name = ''] = key.split('/');
  try {
    const answer = await client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, namespace, name) });
    const object = toSequentialJob(answer);
    const jobs = await listJobs(object, deps);
    sequentialJobs.assume(object);
    for (const job of jobs) deps.jobs.assume(job);
    uncertainWrites.wasReread(key);
    return true;
  } catch (error) {
    // The cache will receive the DELETED event.
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
    // Read item by item, because every client can set this label on large Jobs.
    onItem: (raw) => {
      const job = toObservedJob(raw);
      if (sequentialJobOwner(job)?.uid === uid) jobs.push(job);
    },
  });
  return jobs;
}

export interface AppliedWriteDeps<T extends Written = SequentialJob> {
  readonly uncertainWrites: UncertainWrites<T>;
  readonly events: Pick<EventRecorder, 'emit'>;
  readonly observer?: { reported(before: T, after: NonNullable<T['status']>): void } | undefined;
}

/** Emits the events of an earlier write that was applied without an answer, as the stored object shows. */
export function emitEventsOfAppliedWrite<T extends Written = SequentialJob>(
  key: Key,
  stored: T | undefined,
  deps: AppliedWriteDeps<T>,
): void {
  const write = deps.uncertainWrites.takeApplied(key, stored);
  if (write === undefined) return;
  const { object, status, events } = write;
  for (const event of events) deps.events.emit(object, event);
  if (status !== undefined) deps.observer?.reported(object, status);
}
