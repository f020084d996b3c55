/** The reasons of a CronSequentialJob's conditions and events, with their messages; a `time` is shown in the schedule's zone. */

export const SCHEDULE_REASON = {
  // Available
  scheduled: 'Scheduled',
  invalidSpec: 'InvalidSpec',
  forbiddenNamespace: 'ForbiddenNamespace',
  runNameConflict: 'RunNameConflict',
  runRejected: 'RunRejected',
  quotaExceeded: 'QuotaExceeded',
  permissionDenied: 'PermissionDenied',
  // Suspended
  suspended: 'Suspended',
  notSuspended: 'NotSuspended',
} as const;
export type ScheduleReason = (typeof SCHEDULE_REASON)[keyof typeof SCHEDULE_REASON];

export const SCHEDULE_EVENT = {
  runStarted: 'RunStarted',
  runCompleted: 'RunCompleted',
  runFailed: 'RunFailed',
  /** An active run was deleted by somebody else. */
  runMissing: 'RunMissing',
  /** `Replace`: the run that has not ended is deleted. */
  runReplaced: 'RunReplaced',
  /** `Forbid`: a run that has not ended keeps a time from being started. */
  runForbidden: 'RunForbidden',
  /** The starting deadline of a time has passed. */
  missSchedule: 'MissSchedule',
  tooManyMissedTimes: 'TooManyMissedTimes',
  runNameConflict: 'RunNameConflict',
  runRejected: 'RunRejected',
  invalidSpec: 'InvalidSpec',
  forbiddenNamespace: 'ForbiddenNamespace',
  suspended: 'Suspended',
  resumed: 'Resumed',
} as const;
export type ScheduleEventReason = (typeof SCHEDULE_EVENT)[keyof typeof SCHEDULE_EVENT];

export interface ScheduleEventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: ScheduleEventReason;
  readonly message: string;
}

/** Available=False for one of these stays so until a run is created, or the spec changes. */
export const RUN_OBSTACLES: ReadonlySet<string> = new Set([
  SCHEDULE_REASON.runNameConflict,
  SCHEDULE_REASON.runRejected,
  SCHEDULE_REASON.quotaExceeded,
  SCHEDULE_REASON.permissionDenied,
]);

/** Why a time is given up. */
export type MissCause = 'deadline' | 'superseded' | 'suspended' | 'invalid';

const MISS_CAUSE: Readonly<Record<MissCause, string>> = {
  deadline: 'its startingDeadlineSeconds have passed',
  superseded: 'a newer time has come',
  suspended: 'the schedule was suspended',
  invalid: 'the schedule is no longer valid',
};

export const SCHEDULE_MESSAGE = {
  scheduled: 'Runs are created at the times of the schedule',
  neverComes: 'The schedule is valid, but no date fits it: no run will be created',
  invalidSpec: (field: string, wrong: string): string => `spec.${field} ${wrong}`,
  forbiddenNamespace: (namespace: string): string =>
    `"${namespace}" is the operator's own namespace, where SequentialJobs do not run: create the schedule in another namespace`,
  suspended: 'No runs are created while spec.suspend is true',
  notSuspended: 'The schedule is not suspended',
  resumed: 'Runs are created again; times that came while the schedule was suspended are not made up for',
  runStarted: (run: string, time: string): string => `Created run "${run}" for ${time}`,
  runCompleted: (run: string): string => `Run "${run}" completed`,
  runFailed: (run: string): string => `Run "${run}" failed`,
  runMissing: (run: string): string => `Run "${run}" was deleted before it ended`,
  runReplaced: (run: string, time: string): string =>
    `Run "${run}" has not ended and is deleted: it is replaced by that for ${time} (concurrencyPolicy Replace)`,
  runForbidden: (time: string, run: string): string =>
    `The run for ${time} waits, because run "${run}" has not ended (concurrencyPolicy Forbid)`,
  tooManyActive: (time: string, count: number): string =>
    `The run for ${time} waits, because ${count} runs have not ended`,
  missed: (time: string, cause: MissCause): string => `No run was created for ${time}: ${MISS_CAUSE[cause]}`,
  tooManyMissed: (time: string): string =>
    `More than 100 times were missed; only the newest counts, ${time}. Check whether the operator was down, or a clock is wrong`,
  /** `owner`: such as `is controlled by CronSequentialJob "other"`. */
  runNameConflict: (run: string, owner: string): string =>
    `A SequentialJob named "${run}" already exists and ${owner}: no run is created for its time`,
  runNameStillTaken: (run: string): string =>
    `Waiting until SequentialJob "${run}", which is not of this schedule, is deleted`,
  runRejected: (run: string, message: string): string => `Run "${run}" was refused: ${message}`,
  runPostponed: (run: string, message: string): string => `Run "${run}" cannot be created yet: ${message}`,
} as const;
