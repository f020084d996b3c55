/** The name of a run: one for each scheduled time, so that a repeated create request conflicts with the first one's run. */

/**
 * `<schedule>-<minutes since the epoch>`, as batch/v1 CronJob names its Jobs (pkg/controller/cronjob/utils.go). Two times
 * of one schedule are at least a minute apart, so that each has its own name.
 */
export function runName(schedule: string, scheduledTime: string): string {
  return `${schedule}-${Math.floor(Date.parse(scheduledTime) / 60_000)}`;
}
