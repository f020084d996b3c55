/** Observes a schedule and its runs as one snapshot to decide on. */
import type { SequentialJob } from '../../shared/api/types.ts';
import type { Cache, Key } from '../../shared/kube/cache.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { CRON_SEQUENTIAL_JOBS, objectPath } from '../../shared/kube/resources.ts';
import { emitEventsOfAppliedWrite } from '../uncertain-writes.ts';
import type { ScheduleSnapshot } from './decide/types.ts';
import { runsOf } from './runs.ts';
import { toCachedSchedule } from './transform.ts';
import type { WriteScheduleStatusDeps } from './write-status.ts';

export interface ObserveScheduleDeps extends Omit<WriteScheduleStatusDeps, 'observer'> {
  readonly sequentialJobs: Cache<SequentialJob>;
  /** The operator's own namespace, where SequentialJobs do not run. */
  readonly ownNamespace?: string | undefined;
}

/**
 * The snapshot from the caches; undefined if the schedule does not exist. Reads the schedule from the API server only
 * after a write of unknown outcome. Rejects with ApiError.
 */
export async function observeSchedule(key: Key, deps: ObserveScheduleDeps): Promise<ScheduleSnapshot | undefined> {
  const exists = await refreshAfterUncertainWrite(key, deps);
  const object = exists ? deps.schedules.get(key) : undefined;
  emitEventsOfAppliedWrite(key, object, { uncertainWrites: deps.uncertainWrites, events: deps.events });
  if (object === undefined) return undefined;
  return {
    object,
    runs: runsOf(object, deps.sequentialJobs),
    findings: {},
    ...(object.metadata.namespace === deps.ownNamespace ? { isInOwnNamespace: true } : {}),
  };
}

/** False if the schedule is deleted. */
async function refreshAfterUncertainWrite(key: Key, deps: ObserveScheduleDeps): Promise<boolean> {
  const { client, schedules, uncertainWrites } = deps;
  if (schedules.get(key) === undefined) uncertainWrites.wasReread(key);
  if (!uncertainWrites.mustReread(key)) return true;
  const [namespace = '', name = ''] = key.split('/');
  try {
    const path = objectPath(CRON_SEQUENTIAL_JOBS, namespace, name);
    schedules.assume(toCachedSchedule(await client.request({ method: 'GET', path })));
    uncertainWrites.wasReread(key);
    return true;
  } catch (error) {
    // The cache will receive the DELETED event.
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}
