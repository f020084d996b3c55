/** Creates the Job of a step, or finds out why it cannot be created. */
import { MANAGER } from '../../shared/api/group.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { noVerdictReason } from '../../shared/kube/dry-run.ts';
import { isApiError, isRefusal } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS } from '../../shared/kube/resources.ts';
import { isOwned } from '../decide/step-view.ts';
import type { Action, Finding, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { getJob } from './lookups.ts';
import { describeOwner, pendingRemovalOf } from './owner.ts';
import { recordSpec } from './record-spec.ts';
import { withFinding, withJob } from './snapshot.ts';

/**
 * Creates the Job of a step, or takes or reports the existing Job of that name. Returns the new snapshot; rejects with
 * ApiError for a transient failure.
 */
export async function createJob(
  action: Extract<Action, { type: 'CreateJob' }>,
  before: Snapshot,
  deps: ExecuteDeps,
): Promise<Snapshot> {
  const { object } = before;
  const body = buildJob(object, action.position, action.resumes);
  const snapshot = await recordSpec(before, deps);
  try {
    const created = await deps.client.request({
      method: 'POST',
      path: collectionPath(JOBS, object.metadata.namespace),
      query: { fieldManager: MANAGER },
      body,
    });
    deps.capabilities.recordCreated(body, created);
    return recordOrReportConflict(snapshot, action.jobName, created, deps);
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) {
      return recordOrReportConflict(snapshot, action.jobName, await getJob(snapshot, action.jobName, deps), deps);
    }
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    if (finding.type === 'postponed' && finding.reason === 'PermissionDenied')
      deps.capabilities.recordDenied('Jobs', finding.message);
    return recordRejection(action.jobName, finding, snapshot, deps);
  }
}

/** Classifies a rejection of the Job; undefined for any other error. */
function findingOf(error: unknown): Finding | undefined {
  if (!isApiError(error)) return undefined;
  const reason = noVerdictReason(error);
  if (reason === 'QuotaExceeded' || reason === 'PermissionDenied') {
    return { type: 'postponed', reason, message: error.message };
  }
  return isRefusal(error) ? { type: 'rejected', message: error.message } : undefined;
}

/**
 * Records a rejection only if the Job does not exist: the API server evaluates quotas and webhooks before it compares
 * names, so it may reject a repeated create because of the Job that the first one created.
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

/** Takes the Job of this name for the step if the sequence controls it, else records the name conflict. */
function recordOrReportConflict(snapshot: Snapshot, name: string, answer: unknown, deps: ExecuteDeps): Snapshot {
  // The Job was deleted between the two requests: the next decision creates it again.
  if (answer === undefined) return snapshot;
  const job = toObservedJob(answer);
  if (isOwned(job, snapshot)) return withJob(snapshot, answer, deps);
  const pendingRemoval = pendingRemovalOf(job.metadata, deps);
  return withFinding(snapshot, name, {
    type: 'nameConflict',
    owner: describeOwner(job.metadata),
    ...(pendingRemoval === undefined ? {} : { pendingRemoval }),
  });
}
