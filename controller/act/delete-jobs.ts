/** Deletes the Jobs of a sequence. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Snapshot } from '../decide/index.ts';
import { toObservedJob, toSequentialJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { assertOwned } from './snapshot.ts';

/** Concurrent deletions for one sequence: fast, but with capacity left for other sequences. */
const PARALLEL_DELETIONS = 8;

/**
 * Deletes Jobs with their Pods, several concurrently. Returns the snapshot with the terminating Jobs; rejects with
 * ApiError.
 */
export async function deleteJobs(
  jobs: readonly ObservedJob[],
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  for (const job of jobs) assertOwned(job, snapshot);
  const remaining = new Map(snapshot.jobs.map((job) => [job.metadata.uid, job]));
  for (let start = 0; start < jobs.length; start += PARALLEL_DELETIONS) {
    const group = jobs.slice(start, start + PARALLEL_DELETIONS);
    const answers = await Promise.all(group.map((job) => deleteJob(job, deps)));
    for (const [i, job] of group.entries()) {
      const terminating = answers[i];
      if (terminating === undefined) remaining.delete(job.metadata.uid);
      else remaining.set(job.metadata.uid, terminating);
    }
  }
  return { ...snapshot, jobs: [...remaining.values()] };
}

/** Deletes unrecorded Jobs. Rejects with `Conflict` if the stored status has changed: it may record these Jobs now. */
export async function deleteStrayJobs(
  jobs: readonly ObservedJob[],
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const { namespace, name, resourceVersion } = snapshot.object.metadata;
  const path = objectPath(SEQUENTIAL_JOBS, namespace, name);
  const stored = toSequentialJob(await deps.client.request({ method: 'GET', path }));
  if (stored.metadata.resourceVersion === resourceVersion) return deleteJobs(jobs, snapshot, deps);
  deps.sequentialJobs.assume(stored);
  throw new ApiError('Conflict', `${namespace}/${name} has changed since`, { status: 409 });
}

/** The terminating Job; undefined if it no longer exists. */
async function deleteJob({ metadata }: ObservedJob, deps: ExecuteDeps): Promise<ObservedJob | undefined> {
  try {
    const answer = await deps.client.request<{ readonly kind: string }>({
      method: 'DELETE',
      path: objectPath(JOBS, metadata.namespace, metadata.name),
      // Without a policy the API server orphans the Pods (historical default of batch/v1). The resourceVersion guards
      // against an owner reference removed meanwhile (orphaning deletion): the Job is then not ours to delete.
      body: {
        propagationPolicy: 'Foreground',
        preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion },
      },
    });
    if (answer.kind !== 'Job') return undefined;
    const job = toObservedJob(answer);
    deps.jobs.assume(job);
    return job;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
