/** Deletes runs of a schedule. */
import { isApiError } from '../../../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import type { Run, ScheduleSnapshot } from '../decide/types.ts';
import { cacheRun } from '../runs.ts';
import type { RunDeps } from './deps.ts';
import { withoutRun, withRun } from './snapshot.ts';

/** Concurrent deletions for one schedule: fast, but with capacity left for others. */
const PARALLEL_DELETIONS = 8;

/**
 * Deletes runs, several concurrently; the finalizer of each deletes its Jobs. Returns the snapshot with the runs that are
 * being deleted. Rejects with ApiError, with `Conflict` if a run of another UID has the name.
 */
export async function deleteRuns(
  runs: readonly Run[],
  snapshot: ScheduleSnapshot,
  deps: RunDeps,
): Promise<ScheduleSnapshot> {
  let current = snapshot;
  for (let start = 0; start < runs.length; start += PARALLEL_DELETIONS) {
    const group = runs.slice(start, start + PARALLEL_DELETIONS);
    const answers = await Promise.all(group.map((run) => deleteRun(run, snapshot, deps)));
    for (const [i, run] of group.entries()) {
      const terminating = answers[i];
      current = terminating === undefined ? withoutRun(current, run) : withRun(current, terminating);
    }
  }
  return current;
}

/** The run that is being deleted; undefined if it no longer exists. */
async function deleteRun(
  { name, uid }: Run,
  { object }: ScheduleSnapshot,
  deps: RunDeps,
): Promise<SequentialJob | undefined> {
  try {
    const answer = await deps.client.request<{ readonly kind: string }>({
      method: 'DELETE',
      path: objectPath(SEQUENTIAL_JOBS, object.metadata.namespace, name),
      body: { propagationPolicy: 'Background', preconditions: { uid } },
    });
    // A Status: it had no finalizer, and is gone.
    return answer.kind === 'Status' ? undefined : cacheRun(answer, deps);
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
