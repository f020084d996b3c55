/** Deletes the Jobs of a sequence. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Snapshot } from '../decide/index.ts';
import { toObservedJob, toSequentialJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { assertOwned } from './snapshot.ts';

/** Deletions of one sequence under way at once: enough to be quick, few enough to leave the others their share. */
const PARALLEL_DELETIONS = 8;

/** Deletes Jobs with their Pods, several at once. */
export async function deleteJobs(
  jobs: readonly ObservedJob[],
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  for (const job of jobs) assertOwned(job, snapshot);
  const left = new Map(snapshot.jobs.map((job) => [job.metadata.uid, job]));
  for (let start = 0; start < jobs.length; start += PARALLEL_DELETIONS) {
    const group = jobs.slice(start, start + PARALLEL_DELETIONS);
    const answers = await Promise.all(group.map((job) => deleteJob(job, deps)));
    for (const [i, job] of group.entries()) {
      const going = answers[i];
      if (going === undefined) left.delete(job.metadata.uid);
      else left.set(job.metadata.uid, going);
    }
  }
  return { ...snapshot, jobs: [...left.values()] };
}

/**
 * Deletes Jobs that no record names. Rejects with `Conflict` where the record has changed meanwhile: it may name them by
 * now.
 */
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

/** The Job on its way out, or undefined when it is gone already. */
async function deleteJob({ metadata }: ObservedJob, deps: ExecuteDeps): Promise<ObservedJob | undefined> {
  try {
    const answer = await deps.client.request<{ readonly kind: string }>({
      method: 'DELETE',
      path: objectPath(JOBS, metadata.namespace, metadata.name),
      // Without a policy the API orphans a Job's Pods (batch/v1's historical default).
      // The version too: an owner reference that was taken off meanwhile (deletion with orphans) makes it not ours to delete.
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
