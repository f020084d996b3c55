/** The CronSequentialJob as the API stores it: plain JSON, times as RFC 3339 strings, all fields readonly. */
import type { API_VERSION, CRON } from './group.ts';
import type { ChildMetadata, ObjectMeta, SequentialJobSpec } from './types.ts';

/** What happens when a time comes while an earlier run has not ended; as in batch/v1 CronJob. */
export const CONCURRENCY_POLICIES = ['Allow', 'Forbid', 'Replace'] as const;
export type ConcurrencyPolicy = (typeof CONCURRENCY_POLICIES)[number];

/** The metadata and the spec of each run. */
export interface SequentialJobTemplate {
  readonly metadata?: ChildMetadata;
  readonly spec: SequentialJobSpec;
}

/** The part of the spec that decides when runs start and which are kept: all that the controller caches of it. */
export interface SchedulePolicy {
  /** A cron expression of five fields, `@hourly` and its like, or `@every 90m`. */
  readonly schedule: string;
  /** A name of the IANA time zone database; UTC if absent. */
  readonly timeZone?: string;
  /** Seconds after its time at which a run may still start; no limit if absent. */
  readonly startingDeadlineSeconds?: number;
  readonly concurrencyPolicy?: ConcurrencyPolicy;
  readonly suspend?: boolean;
  readonly successfulJobsHistoryLimit?: number;
  readonly failedJobsHistoryLimit?: number;
}

export interface CronSequentialJobSpec extends SchedulePolicy {
  readonly sequentialJobTemplate: SequentialJobTemplate;
}

/** The defaults of the fields that have one; those of batch/v1 CronJob. */
export const SCHEDULE_DEFAULTS = {
  concurrencyPolicy: 'Allow',
  suspend: false,
  successfulJobsHistoryLimit: 3,
  failedJobsHistoryLimit: 1,
} as const satisfies Partial<SchedulePolicy>;

/** How many runs of a schedule may be active: those of 16 hours of a run a minute. It bounds the size of the status. */
export const MAX_ACTIVE_RUNS = 1000;

/** A run that has not ended. It is recorded without `uid` before it is created: so no time is ever started twice. */
export interface ActiveRun {
  readonly name: string;
  readonly uid?: string;
  readonly scheduledTime: string;
}

/** The schedule that counts, and since when: times until `since` are done with, but for `pendingScheduleTime`. */
export interface ObservedSchedule {
  readonly schedule: string;
  readonly timeZone?: string;
  readonly since: string;
}

/** Available: the schedule is valid, and runs can be created. Suspended: no runs are created. */
export const SCHEDULE_CONDITION_TYPES = ['Available', 'Suspended'] as const;
/** Present while True, for tools that wait by kstatus. */
export type ScheduleConditionType = (typeof SCHEDULE_CONDITION_TYPES)[number] | 'Stalled';

export interface ScheduleCondition {
  readonly type: ScheduleConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface CronSequentialJobStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly ScheduleCondition[];
  /** Oldest first. */
  readonly active?: readonly ActiveRun[];
  /** How many runs have not ended: the length of `active`, which a printer column cannot count. */
  readonly activeRuns?: number;
  /** The newest time for which a run was started. */
  readonly lastScheduleTime?: string;
  /**
   * The newest time that has come, while its run waits for earlier ones: for their end (`Forbid`), or until they are
   * deleted (`Replace`).
   */
  readonly pendingScheduleTime?: string;
  /** When the newest successful run completed. */
  readonly lastSuccessfulTime?: string;
  /** The next time of the schedule; absent while it is suspended or invalid. */
  readonly nextScheduleTime?: string;
  readonly observedSchedule?: ObservedSchedule;
}

/** As the controller caches it: without the template, which may be large and is read when a run is due. */
export interface CachedSchedule {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof CRON.kind;
  readonly metadata: ObjectMeta;
  readonly spec: SchedulePolicy;
  readonly status?: CronSequentialJobStatus;
}

export interface CronSequentialJob extends CachedSchedule {
  readonly spec: CronSequentialJobSpec;
}
