/** Creates the Job of a step, or finds out why it cannot be created. */
import { API_VERSION, MANAGER } from '../../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../../shared/api/job.ts';
import { MESSAGE } from '../../shared/api/reasons.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { noVerdictReason } from '../../shared/kube/dry-run.ts';
import { isApiError, isRefusal } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS } from '../../shared/kube/resources.ts';
import { isOwned } from '../decide/step-view.ts';
import type { Action, Finding, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { getJob } from './lookups.ts';
import { recordSpec } from './record-spec.ts';
import { withFinding, withJob } from './snapshot.ts';

/** Creates the Job of a step, or finds what is there under its name. */
export async function createJob(
  action: Extract<Action, { type: 'CreateJob' }>,
  before: Snapshot,
  deps: ExecuteDeps,
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

/**
 * A refusal counts only where the Job is not there: quota and webhooks are asked before the name is, so a create whose
 * first answer was lost may be refused because of the very Job that it made.
 */
async function recordRejection(
  name: string,
  finding: Finding,
  snapshot: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const answer = await getJob(snapshot, name, deps);
  return answer !== undefined && isOwned(toObservedJob(answer), snapshot)
    ? withJob(snapshot, answer, deps)
    : withFinding(snapshot, name, finding);
}

/** What the API server has under the name of the step to start: our Job, made before, or somebody else's. */
function adoptOrReportConflict(snapshot: Snapshot, name: string, answer: unknown, deps: ExecuteDeps): Snapshot {
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
function goingReason(job: ObservedJob, deps: ExecuteDeps): 'deleted' | 'ownerless' | undefined {
  const { deletionTimestamp, namespace } = job.metadata;
  if (deletionTimestamp !== undefined) return 'deleted';
  const owner = sequentialJobOwner(job);
  if (owner === undefined || owner.apiVersion !== API_VERSION) return undefined;
  const isThere = deps.sequentialJobs.get(`${namespace}/${owner.name}`)?.metadata.uid === owner.uid;
  return isThere ? undefined : 'ownerless';
}

function describeOwner(job: ObservedJob): string {
  const owner = job.metadata.ownerReferences?.find((reference) => reference.controller);
  return owner === undefined ? MESSAGE.foreignOwner.none : MESSAGE.foreignOwner.of(owner.kind, owner.name);
}
