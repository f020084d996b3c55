/** The read-only actions: they read what watches do not show, or not reliably. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import type { Action, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { listJobPods } from './list-job-pods.ts';
import { withFinding, withJob } from './snapshot.ts';

/** Adds the missing objects that the step references to the snapshot. Rejects with ApiError. */
export async function checkDependencies(
  { jobName, dependencies }: Extract<Action, { type: 'CheckDependencies' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const missing = await deps.dependencies.missing(snapshot.object.metadata.namespace, dependencies);
  return withFinding(snapshot, jobName, { type: 'dependencies', missing });
}

/** Adds all Pods of a Job to the snapshot: the watch may not have delivered all of them. Rejects with ApiError. */
export async function inspectPods(job: ObservedJob, snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { index, isFinally } = job.step;
  const after = await listJobPods({ uid: job.metadata.uid, index, isFinally }, snapshot, deps);
  return withFinding(after, job.metadata.name, { type: 'inspected' });
}

/** Adds the Events about a stuck Job, or about its Pod, to the snapshot. */
export async function inspectEvents(
  { job, subject }: Extract<Action, { type: 'InspectEvents' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  return { ...snapshot, eventLookup: await deps.eventLookup.lookUp(job, subject) };
}

/**
 * Reads the recorded Job; another Job of the same name does not count. A Job that the sequence no longer controls is
 * only observed until it ends (`isOwned`). Rejects with ApiError.
 */
export async function confirmJob(
  { jobName, jobUID }: Extract<Action, { type: 'ConfirmJob' }>,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const answer = await getJob(snapshot, jobName, deps);
  if (answer !== undefined && toObservedJob(answer).metadata.uid === jobUID) return withJob(snapshot, answer, deps);
  // It may have orphaned Pods, and the Pod watch may be behind the Job watch.
  const { steps, finally: last } = snapshot.object.status ?? {};
  const isOfJob = (step: StepStatus): boolean => step.jobUID === jobUID;
  const isFinally = last?.some(isOfJob);
  const index = (isFinally === true ? last : steps)?.find(isOfJob)?.index;
  const after = await listJobPods({ uid: jobUID, index, isFinally }, snapshot, deps);
  return withFinding(after, jobName, { type: 'notFound' });
}

/** The Job of this name from the API server; undefined if there is none. Rejects with ApiError. */
export async function getJob(snapshot: Snapshot, name: string, deps: ExecuteDeps): Promise<unknown> {
  try {
    const path = objectPath(JOBS, snapshot.object.metadata.namespace, name);
    return await deps.client.request({ method: 'GET', path });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
