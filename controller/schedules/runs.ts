/** The runs of a schedule: SequentialJobs that it controls. */
import { SCHEDULED_TIME_ANNOTATION } from '../../shared/api/group.ts';
import type { CachedSchedule } from '../../shared/api/schedule.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { isTrue } from '../../shared/conditions.ts';
import { type Cache, type Change, type Key, keyOf } from '../../shared/kube/cache.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { scheduleOwner } from '../../shared/schedule/owner.ts';
import type { FullObjectCache } from '../full-object-cache.ts';
import { toSequentialJob } from '../transform.ts';
import type { Run } from './decide/types.ts';

/**
 * Whether the schedule controls the SequentialJob. Clients write owner references themselves, and UIDs are not secret:
 * without the check of the namespace, the right to create SequentialJobs in one namespace would be the right to stop the
 * schedules of all.
 */
export function isRunOf({ metadata }: SequentialJob, schedule: CachedSchedule): boolean {
  return metadata.namespace === schedule.metadata.namespace && scheduleOwner(metadata)?.uid === schedule.metadata.uid;
}

/** The runs of the schedule that are cached. `sequentialJobs` is indexed by the UID of the schedule. */
export const runsOf = (schedule: CachedSchedule, sequentialJobs: Cache<SequentialJob>): readonly Run[] =>
  sequentialJobs
    .indexed(schedule.metadata.uid)
    .filter((object) => isRunOf(object, schedule))
    .map(toRun);

export function toRun({ metadata, status }: SequentialJob): Run {
  const { name, uid, creationTimestamp = '', deletionTimestamp, annotations } = metadata;
  return {
    name,
    uid,
    creationTimestamp,
    state: stateOf(status),
    isBeingDeleted: deletionTimestamp !== undefined,
    ...omitUndefined({
      scheduledTime: annotations?.[SCHEDULED_TIME_ANNOTATION],
      completionTime: status?.completionTime,
    }),
  };
}

/** A large status is cached without its conditions: then the phase says the same. */
function stateOf({ conditions, phase }: NonNullable<SequentialJob['status']> = {}): Run['state'] {
  if (conditions === undefined) return phase === 'Completed' || phase === 'Failed' ? phase : 'Active';
  if (isTrue(conditions, 'Complete')) return 'Completed';
  return isTrue(conditions, 'Failed') ? 'Failed' : 'Active';
}

/** The schedules for which the change of a SequentialJob matters: not those of a run that only went on to its next step. */
export function schedulesOf(change: Change<SequentialJob>): readonly Key[] {
  const [after, before] = [change.object, change.type === 'modified' ? change.previous : undefined];
  const [owner, previousOwner] = [ownerKey(after), before === undefined ? undefined : ownerKey(before)];
  if (owner === undefined && previousOwner === undefined) return [];
  if (before !== undefined && owner === previousOwner && isSameRun(toRun(before), toRun(after))) return [];
  return [...new Set([owner, previousOwner])].filter((key) => key !== undefined);
}

function ownerKey({ metadata }: SequentialJob): Key | undefined {
  const owner = scheduleOwner(metadata);
  return owner === undefined ? undefined : `${metadata.namespace}/${owner.name}`;
}

const isSameRun = (a: Run, b: Run): boolean =>
  a.state === b.state && a.isBeingDeleted === b.isBeingDeleted && a.completionTime === b.completionTime;

export interface CacheRunDeps {
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: Pick<FullObjectCache, 'forgetUnlessCached'>;
  /** Reconciles the SequentialJob of this key. */
  readonly enqueueSequence: (key: Key) => void;
}

/** Caches the answer to a request about a run; its sequence is reconciled now, because the watch will bring nothing new. */
export function cacheRun(answer: unknown, { sequentialJobs, objects, enqueueSequence }: CacheRunDeps): SequentialJob {
  const object = toSequentialJob(answer);
  const key = keyOf(object);
  sequentialJobs.assume(object);
  objects.forgetUnlessCached(object, sequentialJobs.get(key));
  enqueueSequence(key);
  return object;
}
