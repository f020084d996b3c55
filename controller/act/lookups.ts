/** The actions that only read: what no watch shows, or does not show for certain. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import type { Action, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { listJobPods } from './list-job-pods.ts';
import { withFinding, withJob } from './snapshot.ts';

/** Which of the things that the step needs do not exist. */
export async function checkDependencies(
  { jobName, dependencies }: Extract<Action, { type: 'CheckDependencies' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const missing = await deps.dependencies.missing(snapshot.object.metadata.namespace, dependencies);
  return withFinding(snapshot, jobName, { type: 'dependencies', missing });
}

/** All Pods of a Job that failed: what the watch has shown of them need not be all. */
export async function inspectPods(job: ObservedJob, snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const after = await listJobPods({ uid: job.metadata.uid, index: job.step.index }, snapshot, deps);
  return withFinding(after, job.metadata.name, { type: 'inspected' });
}

/** What the Events say about a Job that stands still, or about its Pod. */
export async function inspectEvents(
  { job, subject }: Extract<Action, { type: 'InspectEvents' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  return { ...snapshot, eventLookup: await deps.eventLookup.ask(job, subject) };
}

/**
 * Looks for the Job that the status has on record; a namesake with another UID does not count. One that is not ours is followed
 * to its end, and no more (`isOwned`).
 */
export async function confirmJob(
  { jobName, jobUID }: Extract<Action, { type: 'ConfirmJob' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const answer = await getJob(snapshot, jobName, deps);
  if (answer !== undefined && toObservedJob(answer).metadata.uid === jobUID) return withJob(snapshot, answer, deps);
  // It may have left Pods behind, and the watch of Pods may be behind that of Jobs.
  const index = snapshot.object.status?.steps?.find((step) => step.jobUID === jobUID)?.index;
  const after = await listJobPods({ uid: jobUID, index }, snapshot, deps);
  return withFinding(after, jobName, { type: 'notFound' });
}

/** The Job of this name in the API server; undefined where there is none. */
export async function getJob(snapshot: Snapshot, name: string, deps: ExecuteDeps): Promise<unknown> {
  try {
    const path = objectPath(JOBS, snapshot.object.metadata.namespace, name);
    return await deps.client.request({ method: 'GET', path });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
