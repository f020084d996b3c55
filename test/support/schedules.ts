/** CronSequentialJobs and their runs with sensible defaults, and what a reconcile of one works with, on a fake API server. */
import type { ScheduleDecision } from '../../controller/schedules/decide/types.ts';
import type { ScheduleReconcilerDeps } from '../../controller/schedules/reconcile.ts';
import { FullObjectCache } from '../../controller/full-object-cache.ts';
import { UncertainWrites } from '../../controller/uncertain-writes.ts';
import { API_VERSION, CRON, SCHEDULED_TIME_ANNOTATION } from '../../shared/api/group.ts';
import type { CachedSchedule, CronSequentialJob, CronSequentialJobSpec } from '../../shared/api/schedule.ts';
import type { ObjectMeta, OwnerReference, SequentialJob, SequentialJobStatus } from '../../shared/api/types.ts';
import { Cache } from '../../shared/kube/cache.ts';
import { CRON_SEQUENTIAL_JOBS, objectPath } from '../../shared/kube/resources.ts';
import { scheduleOwner } from '../../shared/schedule/owner.ts';
import type { FakeApi } from './fake-api.ts';
import { at, container, NAMESPACE, NOW_MS, sequentialJob } from './objects.ts';

export const SCHEDULE_UID = '9d0c7e11-0000-4000-8000-000000000001';
/** The key of `cronSequentialJob()`. */
export const SCHEDULE_KEY = `${NAMESPACE}/nightly`;
/** A scheduled time of it, and the name of that run. */
export const TIME = '2026-11-02T10:00:00Z';
export const RUN = 'nightly-29894040';

export interface ScheduleOptions {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: Partial<CronSequentialJobSpec>;
  readonly status?: CronSequentialJob['status'];
}

/** A CronSequentialJob `nightly` of every minute, without a status. */
export function cronSequentialJob({ metadata, spec, status }: ScheduleOptions = {}): CronSequentialJob {
  return {
    apiVersion: API_VERSION,
    kind: CRON.kind,
    metadata: {
      name: 'nightly',
      namespace: NAMESPACE,
      uid: SCHEDULE_UID,
      resourceVersion: '100',
      generation: 1,
      creationTimestamp: at(-3600),
      ...metadata,
    },
    spec: { schedule: '* * * * *', sequentialJobTemplate: { spec: { steps: [container('extract')] } }, ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

export const ownedBySchedule = (uid = SCHEDULE_UID, name = 'nightly'): OwnerReference => ({
  apiVersion: API_VERSION,
  kind: CRON.kind,
  name,
  uid,
  controller: true,
  blockOwnerDeletion: true,
});

/** A run of it, as the API server has it. */
export const scheduledRun = (metadata: Partial<ObjectMeta> = {}, status?: SequentialJobStatus): SequentialJob =>
  sequentialJob({
    metadata: {
      name: RUN,
      uid: 'run-1',
      ownerReferences: [ownedBySchedule()],
      annotations: { [SCHEDULED_TIME_ANNOTATION]: TIME },
      ...metadata,
    },
    status,
  });

export const schedulePath = (name = 'nightly'): string => objectPath(CRON_SEQUENTIAL_JOBS, NAMESPACE, name);

/** Stores the object; returns it as stored. */
export const putSchedule = (api: FakeApi, object: CronSequentialJob): CronSequentialJob =>
  api.put(schedulePath(object.metadata.name), { ...object }) as unknown as CronSequentialJob;

export const NOTHING: ScheduleDecision = { actions: [], status: undefined, events: [], requeueAfterMs: undefined };

/** Empty caches, and everything else as in the manager; a decision is to do nothing. */
export function scheduleDeps(
  { client }: FakeApi,
  more: Partial<ScheduleReconcilerDeps> = {},
): ScheduleReconcilerDeps & { readonly enqueued: string[] } {
  const enqueued: string[] = [];
  const objects = new FullObjectCache();
  return {
    client,
    schedules: new Cache<CachedSchedule>(),
    sequentialJobs: new Cache<SequentialJob>(
      ({ metadata }) => scheduleOwner(metadata)?.uid,
      (object) => objects.trim(object),
    ),
    objects,
    events: { emit: () => undefined },
    enqueueSequence: (key) => void enqueued.push(key),
    uncertainWrites: new UncertainWrites<CachedSchedule>(),
    now: () => NOW_MS,
    log: { warn: () => undefined },
    decide: () => NOTHING,
    enqueued,
    ...more,
  };
}
