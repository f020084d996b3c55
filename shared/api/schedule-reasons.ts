/** The reasons of a CronSequentialJob's conditions and events, with their messages. */

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
  suspended: 'Suspended',
  resumed: 'Resumed',
} as const;
export type ScheduleEventReason = (typeof SCHEDULE_EVENT)[keyof typeof SCHEDULE_EVENT];

export interface ScheduleEventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: ScheduleEventReason;
  readonly message: string;
}
