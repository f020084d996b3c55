/** Schedules at random. */
import * as fc from 'fast-check';
import { API_VERSION, CRON } from '../../../../../shared/api/group.ts';
import {
  CONCURRENCY_POLICIES,
  type CachedSchedule,
  type CronSequentialJobStatus,
  type SchedulePolicy,
} from '../../../../../shared/api/schedule.ts';
import { toTimestamp } from '../../../../../shared/api/time.ts';

export const NAME = 'nightly';
/** Two days before clocks are set in America; three weeks before they are in Europe. */
export const CREATED_MS = Date.parse('2026-03-06T00:00:20Z');

export function scheduleOf(spec: SchedulePolicy, status?: CronSequentialJobStatus): CachedSchedule {
  return {
    apiVersion: API_VERSION,
    kind: CRON.kind,
    metadata: {
      name: NAME,
      namespace: 'team-a',
      uid: 'schedule-uid',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: toTimestamp(CREATED_MS),
    },
    spec,
    ...(status === undefined ? {} : { status }),
  };
}

export const ZONES = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu'] as const;

const SCHEDULES = [
  '* * * * *',
  '*/7 * * * *',
  '0 * * * *',
  '30 1,2 * * *',
  '0 9 * * 1-5',
  '15 4 1,15 * SUN',
  '0 0 29 2 *',
  '@every 90m',
  '@every 7m30s',
  '@daily',
] as const;

/** Of the webhook's rules, these would be broken by nobody but a bypass. */
const INVALID = '0 0 L * *';

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

export const schedules = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...SCHEDULES) },
  { weight: 1, arbitrary: fc.constant(INVALID) },
);
export const zones = optional(fc.constantFrom(...ZONES));
export const deadlines = optional(fc.constantFrom(0, 10, 90, 600, 86_400));
export const concurrency = optional(fc.constantFrom(...CONCURRENCY_POLICIES));
export const limits = optional(fc.integer({ min: 0, max: 3 }));

export const policies: fc.Arbitrary<SchedulePolicy> = fc
  .record({
    schedule: schedules,
    timeZone: zones,
    startingDeadlineSeconds: deadlines,
    concurrencyPolicy: concurrency,
    suspend: optional(fc.constantFrom(false, false, false, true)),
    successfulJobsHistoryLimit: limits,
    failedJobsHistoryLimit: limits,
  })
  .map((policy) => JSON.parse(JSON.stringify(policy)) as SchedulePolicy);
