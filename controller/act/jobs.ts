/** The actions on Jobs: create, look for, delete. */
import { API_VERSION, LABELS, MANAGER } from '../../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../../shared/api/job.ts';
import { MESSAGE } from '../../shared/api/reasons.ts';
import type { OwnerReference, SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { type Cache, keyOf } from '../../shared/kube/cache.ts';
import { noVerdictReason } from '../../shared/kube/dry-run.ts';
import { ApiError, isApiError, isRefusal } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { isOwned } from '../decide/draft.ts';
import type { Action, Finding, Snapshot } from '../decide/index.ts';
import type { DependencyChecker } from './dependency-checker.ts';
import type { EventLookup } from '../event-lookup.ts';
import { type PodsDeps, listJobPods } from './list-job-pods.ts';
import type { Preflights } from '../preflights.ts';
import type { Revisions } from '../revisions.ts';
import type { ServerCapabilities } from '../server-capabilities.ts';
import { toObservedJob, toSequentialJob } from '../transform.ts';

export interface ActorDeps extends PodsDeps {
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly jobs: Cache<ObservedJob>;
  /** Asked before a Job is created that needs something. */
  readonly dependencies: Pick<DependencyChecker, 'missing'>;
  readonly eventLookup: Pick<EventLookup, 'cached' | 'ask'>;
  readonly revisions: Revisions;
  readonly preflights: Preflights;
  readonly capabilities: ServerCapabilities;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Deletions of one sequence under way at once: enough to be quick, few enough to leave the others their share. */
const PARALLEL_DELETIONS = 8;

/** Creates the Job of a step, or finds what is there under its name. */
export async function createJob(
  action: Extract<Action, { type: 'CreateJob' }>,
  before: Snapshot,
  deps: ActorDeps,
): Promise<Snapshot> {
  const { object } = before;
  const body = buildJob(object, action.index, action.resumes);
  const snapshot = await recordSpec(before, deps);
  try {
    const created = await deps.client.request({
      method: 'POST',
      path: collectionPath(JOBS, object.metadata.namespace),
      query: { fieldManager: MANAGER },
      body,
    });
    deps.capabilities.recordCreated(body, created);
    return adoptOrReportConflict(snapshot, action.jobName, created, deps);
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) {
      return adoptOrReportConflict(snapshot, action.jobName, await getJob(snapshot, action.jobName, deps), deps);
    }
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    if (finding.type === 'postponed' && finding.reason === 'PermissionDenied')
      deps.capabilities.recordDenied(finding.message);
    return recordRejection(action.jobName, finding, snapshot, deps);
  }
}

/** What a refusal says about the Job; undefined where it is no refusal, but trouble. */
function findingOf(error: unknown): Finding | undefined {
  if (!isApiError(error)) return undefined;
  const reason = noVerdictReason(error);
  if (reason === 'QuotaExceeded' || reason === 'PermissionDenied') {
    return { type: 'postponed', reason, message: error.message };
  }
  return isRefusal(error) ? { type: 'rejected', message: error.message } : undefined;
}

/** Records what is about to be run, where no webhook vouches for it; nothing to do in any other case. */
export async function recordSpec(snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  const { object, bypassedAdmission, specRecorded } = snapshot;
  if (bypassedAdmission !== true || specRecorded === true) return snapshot;
  await deps.revisions.record(object, object.spec, object.metadata.generation ?? 0);
  return { ...snapshot, specRecorded: true };
}

/**
 * A refusal counts only where the Job is not there: quota and webhooks are asked before the name is, so a create whose
 * first answer was lost may be refused because of the very Job that it made.
 */
async function recordRejection(name: string, finding: Finding, snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  const answer = await getJob(snapshot, name, deps);
  return answer !== undefined && isOwned(toObservedJob(answer), snapshot)
    ? withJob(snapshot, answer, deps)
    : withFinding(snapshot, name, finding);
}

interface RawJob extends ObservedJob {
  readonly metadata: ObservedJob['metadata'] & { readonly labels?: Readonly<Record<string, string>> };
}

async function getJob(snapshot: Snapshot, name: string, deps: ActorDeps): Promise<unknown> {
  try {
    const path = objectPath(JOBS, snapshot.object.metadata.namespace, name);
    return await deps.client.request({ method: 'GET', path });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Looks for the Job that the status has on record; a namesake with another UID does not count. One that is not ours is followed
 * to its end, and no more (`isOwned`).
 */
export async function confirmJob(
  { jobName, jobUID }: Extract<Action, { type: 'ConfirmJob' }>,
  snapshot: Snapshot,
  deps: ActorDeps,
): Promise<Snapshot> {
  const answer = await getJob(snapshot, jobName, deps);
  if (answer !== undefined && toObservedJob(answer).metadata.uid === jobUID) return withJob(snapshot, answer, deps);
  // It may have left Pods behind, and the watch of Pods may be behind that of Jobs.
  const index = snapshot.object.status?.steps?.find((step) => step.jobUID === jobUID)?.index;
  const after = await listJobPods({ uid: jobUID, index }, snapshot, deps);
  return withFinding(after, jobName, { type: 'notFound' });
}

/** What the API server has under the name of the step to start: our Job, made before, or somebody else's. */
function adoptOrReportConflict(snapshot: Snapshot, name: string, answer: unknown, deps: ActorDeps): Snapshot {
  // Gone between the refusal and the look: the next decision creates it again.
  if (answer === undefined) return snapshot;
  const job = toObservedJob(answer);
  if (isOwned(job, snapshot)) return withJob(snapshot, answer, deps);
  const leaving = goingReason(job, deps);
  return withFinding(snapshot, name, {
    type: 'nameConflict',
    owner: describeOwner(job),
    ...(leaving === undefined ? {} : { leaving }),
  });
}

/**
 * Why a Job that is not ours will go by itself, if it will: the garbage collector deletes what belongs to a SequentialJob
 * that no longer exists, as after a deletion and a creation under the same name. An owner of a version that is not served it
 * cannot look for, and keeps: whoever creates a Job can write such a one, and the step must not wait for ever.
 */
function goingReason(job: ObservedJob, deps: ActorDeps): 'deleted' | 'ownerless' | undefined {
  const { deletionTimestamp, namespace } = job.metadata;
  if (deletionTimestamp !== undefined) return 'deleted';
  const owner = sequentialJobOwner(job);
  if (owner === undefined || owner.apiVersion !== API_VERSION) return undefined;
  const isThere = deps.sequentialJobs.get(`${namespace}/${owner.name}`)?.metadata.uid === owner.uid;
  return isThere ? undefined : 'ownerless';
}

/** Throws where the Job is not this sequence's: no decision is to change or delete one, and none that does is followed. */
export function assertOwned(job: ObservedJob, snapshot: Snapshot): void {
  if (isOwned(job, snapshot)) return;
  const { namespace, name } = job.metadata;
  throw new Error(`Job ${namespace}/${name} does not belong to ${keyOf(snapshot.object)}: it is left as it is`);
}

/** The snapshot with this Job; the cache gets it too, where the watch will keep it up to date there. */
export function withJob(snapshot: Snapshot, answer: unknown, deps: ActorDeps): Snapshot {
  const job = toObservedJob(answer);
  const others = snapshot.jobs.filter(({ metadata }) => metadata.uid !== job.metadata.uid);
  const known: Snapshot = { ...snapshot, jobs: [...others, job] };
  const { labels } = (answer as RawJob).metadata;
  if (labels?.[LABELS.uid] === undefined || !isOwned(job, snapshot)) {
    return withFinding(known, job.metadata.name, { type: 'labelsRemoved' });
  }
  deps.jobs.assume(job);
  return known;
}

function describeOwner(job: ObservedJob): string {
  const owner: OwnerReference | undefined = job.metadata.ownerReferences?.find((reference) => reference.controller);
  return owner === undefined ? MESSAGE.foreignOwner.none : MESSAGE.foreignOwner.of(owner.kind, owner.name);
}

/** Deletes Jobs with their Pods, several at once. */
export async function deleteJobs(jobs: readonly ObservedJob[], snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
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
  deps: ActorDeps,
): Promise<Snapshot> {
  const { namespace, name, resourceVersion } = snapshot.object.metadata;
  const path = objectPath(SEQUENTIAL_JOBS, namespace, name);
  const stored = toSequentialJob(await deps.client.request({ method: 'GET', path }));
  if (stored.metadata.resourceVersion === resourceVersion) return deleteJobs(jobs, snapshot, deps);
  deps.sequentialJobs.assume(stored);
  throw new ApiError('Conflict', `${namespace}/${name} has changed since`, { status: 409 });
}

/** The Job on its way out, or undefined when it is gone already. */
async function deleteJob({ metadata }: ObservedJob, deps: ActorDeps): Promise<ObservedJob | undefined> {
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

export function withFinding(snapshot: Snapshot, name: string, finding: Finding): Snapshot {
  return { ...snapshot, findings: { ...snapshot.findings, [name]: finding } };
}
