/** Provides the full SequentialJob for a reconcile if the informer's cache has only a part of it. */
import type { SequentialJob } from '../shared/api/types.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { TrimmedSequentialJob, FullObjectCache } from './full-object-cache.ts';
import { toSequentialJob } from './transform.ts';

export interface FullObjectDeps {
  readonly client: ApiClient;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: FullObjectCache;
}

/** The result of the work; `isBusy`: there was no memory to read the object. */
export type FullObjectResult<T> = { readonly isBusy: true } | { readonly isBusy: false; readonly result: T };

/**
 * Runs `work` with the full cached object, with the trimmed one if that is enough, or else with the object from the API
 * server; with undefined if the object is deleted. Returns `isBusy` if too many large objects are being reconciled.
 * Rejects as the work does, and with ApiError.
 */
export async function withFullObject<T>(
  cached: TrimmedSequentialJob,
  deps: FullObjectDeps,
  work: (object: TrimmedSequentialJob | undefined) => Promise<T>,
): Promise<FullObjectResult<T>> {
  const available = deps.objects.full(cached) ?? deps.objects.finishedWithoutSpec(cached);
  if (available !== undefined) return { isBusy: false, result: await work(available) };
  if (!deps.objects.acquire(cached)) return { isBusy: true };
  try {
    return { isBusy: false, result: await work(await fetchObject(cached, deps)) };
  } finally {
    deps.objects.release(cached);
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
    // The next reconcile probably needs this object.
    deps.objects.trim(object);
    deps.objects.forgetUnlessCached(object, deps.sequentialJobs.get(keyOf(object)));
    // A newer object of the same name is reconciled separately, once the cache has it.
    return object.metadata.uid === metadata.uid ? object : undefined;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
