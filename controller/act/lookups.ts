/** The actions that only look: what no watch shows, or does not show for certain. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { type ActorDeps, withFinding } from './jobs.ts';
import type { Action, Snapshot } from '../decide/index.ts';
import { listJobPods } from './list-job-pods.ts';

/** Which of the things that the step needs do not exist. */
export async function checkDependencies(
  { jobName, dependencies }: Extract<Action, { type: 'CheckDependencies' }>,
  snapshot: Snapshot,
  deps: ActorDeps,
): Promise<Snapshot> {
  const missing = await deps.dependencies.missing(snapshot.object.metadata.namespace, dependencies);
  return withFinding(snapshot, jobName, { type: 'dependencies', missing });
}

/** All Pods of a Job that failed: what the watch has shown of them need not be all. */
export async function inspectPods(job: ObservedJob, snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  const after = await listJobPods({ uid: job.metadata.uid, index: job.step.index }, snapshot, deps);
  return withFinding(after, job.metadata.name, { type: 'inspected' });
}

/** What the Events say about a Job that stands still, or about its Pod. */
export async function inspectEvents(
  { job, subject }: Extract<Action, { type: 'InspectEvents' }>,
  snapshot: Snapshot,
  deps: ActorDeps,
): Promise<Snapshot> {
  return { ...snapshot, eventLookup: await deps.eventLookup.ask(job, subject) };
}
