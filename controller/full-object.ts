/** A SequentialJob as it is stored, where the cache has less of it. */
import type { SequentialJob } from '../shared/api/types.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { TrimmedSequentialJob, ObjectStore } from './object-store.ts';
import { toSequentialJob } from './transform.ts';

export interface FullObjectDeps {
  readonly client: ApiClient;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: ObjectStore;
}

/** What came of it; or that it was not the object's turn. */
export type FullObjectResult<T> = { readonly isBusy: true } | { readonly isBusy: false; readonly result: T };

/**
 * Works with the object as it is held, or with as much as is kept where that is enough, or else with what the API server says of
 * it; with undefined where it is gone. Where too many large ones are worked on already, it is not its turn. Rejects as the work
 * does, and with ApiError.
 */
export async function withFullObject<T>(
  kept: TrimmedSequentialJob,
  deps: FullObjectDeps,
  work: (object: TrimmedSequentialJob | undefined) => Promise<T>,
): Promise<FullObjectResult<T>> {
  const there = deps.objects.full(kept) ?? deps.objects.withoutSpec(kept);
  if (there !== undefined) return { isBusy: false, result: await work(there) };
  if (!deps.objects.acquire(kept)) return { isBusy: true };
  try {
    return { isBusy: false, result: await work(await fetchObject(kept, deps)) };
  } finally {
    deps.objects.release(kept);
  }
}

async function fetchObject(
  { metadata }: TrimmedSequentialJob,
  deps: FullObjectDeps,
): Promise<SequentialJob | undefined> {
  const path = objectPath(SEQUENTIAL_JOBS, metadata.namespace, metadata.name);
  try {
    const object = toSequentialJob(await deps.client.request({ method: 'GET', path }));
    deps.sequentialJobs.assume(object);
    // What is worked on is what is needed next.
    deps.objects.trim(object);
    deps.objects.forgetUnlessCached(object, deps.sequentialJobs.get(keyOf(object)));
    // A younger one of the same name is to be looked at with its own Jobs, when the cache has it.
    return object.metadata.uid === metadata.uid ? object : undefined;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
