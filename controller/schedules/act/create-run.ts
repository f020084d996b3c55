/** Creates a run, or finds out why it cannot be created. */
import { MANAGER } from '../../../shared/api/group.ts';
import type { CachedSchedule, CronSequentialJob } from '../../../shared/api/schedule.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { keyOf } from '../../../shared/kube/cache.ts';
import { noVerdictReason } from '../../../shared/kube/dry-run.ts';
import { ApiError, isApiError, isRefusal } from '../../../shared/kube/errors.ts';
import { collectionPath, CRON_SEQUENTIAL_JOBS, objectPath, SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import { scheduleOwner } from '../../../shared/schedule/owner.ts';
import { buildRun } from '../../../shared/schedule/run.ts';
import { truncate } from '../../../shared/truncate.ts';
import { describeOwner } from '../../act/owner.ts';
import { toSequentialJob } from '../../transform.ts';
import type { RunFinding, ScheduleAction, ScheduleSnapshot } from '../decide/types.ts';
import { cacheRun, isRunOf } from '../runs.ts';
import { toCachedSchedule } from '../transform.ts';
import type { RunDeps } from './deps.ts';
import { getRun } from './get-run.ts';
import { withFinding, withRun } from './snapshot.ts';

/**
 * Creates the run from the template of the stored object, or takes or reports the SequentialJob that has its name. Returns
 * the new snapshot; rejects with ApiError for a transient failure, with `Conflict` if the stored object has changed.
 */
export async function createRun(
  action: Extract<ScheduleAction, { type: 'CreateRun' }>,
  snapshot: ScheduleSnapshot,
  deps: RunDeps,
): Promise<ScheduleSnapshot> {
  const { name, scheduledTime } = action;
  const body = buildRun(await unchangedSchedule(snapshot.object, deps), { name, scheduledTime });
  try {
    const created = await deps.client.request({
      method: 'POST',
      path: collectionPath(SEQUENTIAL_JOBS, body.metadata.namespace),
      query: { fieldManager: MANAGER },
      body,
    });
    deps.capabilities?.recordRunCreated();
    deps.observer?.runCreated(deps.now() - Date.parse(scheduledTime));
    return takeOrReportConflict(created, snapshot, deps);
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) {
      const existing = await getRun(name, snapshot, deps);
      // It was deleted between the two requests: the next decision creates it again.
      return existing === undefined ? snapshot : takeOrReportConflict(existing, snapshot, deps);
    }
    const finding = findingOf(error);
    if (finding === undefined) throw error;
    if (finding.type === 'postponed' && finding.reason === 'PermissionDenied') {
      deps.capabilities?.recordDenied('SequentialJobs', finding.message);
    }
    return recordRejection(name, finding, snapshot, deps);
  }
}

/**
 * The whole stored object, if it is the one that was decided on. A run is created only while the newest status records
 * its time without a run: another controller may have started it, seen its end and deleted it since.
 */
async function unchangedSchedule({ metadata }: CachedSchedule, deps: RunDeps): Promise<CronSequentialJob> {
  const { namespace, name, uid, resourceVersion } = metadata;
  const path = objectPath(CRON_SEQUENTIAL_JOBS, namespace, name);
  const stored = await deps.client.request<CronSequentialJob>({ method: 'GET', path });
  const isUnchanged = stored.metadata.uid === uid && stored.metadata.resourceVersion === resourceVersion;
  if (isUnchanged && stored.metadata.deletionTimestamp === undefined) return stored;
  deps.schedules.assume(toCachedSchedule(stored));
  throw new ApiError('Conflict', `${namespace}/${name} has changed since`, { status: 409 });
}

/** Classifies a rejection of the run; undefined for any other error. */
function findingOf(error: unknown): RunFinding | undefined {
  if (!isApiError(error)) return undefined;
  const reason = noVerdictReason(error);
  const message = truncate(error.message);
  if (reason === 'QuotaExceeded' || reason === 'PermissionDenied') return { type: 'postponed', reason, message };
  return isRefusal(error) ? { type: 'rejected', message } : undefined;
}

/**
 * Records a rejection only if the run does not exist: the API server evaluates quotas and webhooks before it compares
 * names, so it may reject a repeated create because of the run that the first one created.
 */
async function recordRejection(
  name: string,
  finding: RunFinding,
  snapshot: ScheduleSnapshot,
  deps: RunDeps,
): Promise<ScheduleSnapshot> {
  const answer = await getRun(name, snapshot, deps);
  return answer !== undefined && isRunOf(toSequentialJob(answer), snapshot.object)
    ? takeOrReportConflict(answer, snapshot, deps)
    : withFinding(snapshot, name, finding);
}

/** Takes the SequentialJob of the name if the schedule controls it, else records the name conflict. */
function takeOrReportConflict(answer: unknown, snapshot: ScheduleSnapshot, deps: RunDeps): ScheduleSnapshot {
  const object = toSequentialJob(answer);
  const { name } = object.metadata;
  if (isRunOf(object, snapshot.object)) {
    return withFinding(withRun(snapshot, cacheRun(answer, deps)), name, { type: 'exists' });
  }
  return withFinding(snapshot, name, {
    type: 'nameConflict',
    owner: truncate(describeOwner((answer as SequentialJob).metadata)),
    isBeingDeleted: isBeingRemoved(object, deps),
  });
}

/** Whether it is being deleted, or will be: the garbage collector deletes the runs of a schedule that no longer exists. */
function isBeingRemoved({ metadata }: SequentialJob, { schedules }: RunDeps): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  const owner = scheduleOwner(metadata);
  if (owner === undefined) return false;
  return schedules.get(keyOf({ metadata: { ...metadata, name: owner.name } }))?.metadata.uid !== owner.uid;
}
