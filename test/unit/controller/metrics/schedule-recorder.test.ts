import { beforeEach, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import { ScheduleMetricsRecorder } from '../../../../controller/metrics/schedule-recorder.ts';
import { toCachedSchedule } from '../../../../controller/schedules/transform.ts';
import type { ScheduleEventReason } from '../../../../shared/api/schedule-reasons.ts';
import type { CachedSchedule, CronSequentialJobStatus } from '../../../../shared/api/schedule.ts';
import { Cache } from '../../../../shared/kube/cache.ts';
import { WorkQueue } from '../../../../shared/work-queue/work-queue.ts';
import { type Family, parseMetrics, valueOf } from '../../../support/metrics.ts';
import { at } from '../../../support/objects.ts';
import { cronSequentialJob } from '../../../support/schedules.ts';

let registry: Registry;
let schedules: Cache<CachedSchedule>;
let synced: boolean;
let recorder: ScheduleMetricsRecorder;

beforeEach(() => {
  registry = new Registry();
  schedules = new Cache<CachedSchedule>();
  synced = true;
  recorder = new ScheduleMetricsRecorder({
    metrics: new ControllerMetrics(registry),
    queue: new WorkQueue({ backoff: { baseMs: 1, maxMs: 1 }, random: () => 1, now: () => 0 }),
    workers: 8,
    schedules,
    synced: () => synced,
    now: () => 0,
  });
});

const served = async (): Promise<ReadonlyMap<string, Family>> => parseMetrics(await registry.metrics());

it.each<readonly [string, CronSequentialJobStatus | undefined, boolean | undefined, string]>([
  ['a schedule without a status is active', undefined, undefined, 'active'],
  ['a valid schedule is active', available('True', 'Scheduled'), undefined, 'active'],
  ['a suspended one is suspended', available('True', 'Scheduled'), true, 'suspended'],
  ['an invalid one is invalid', available('False', 'InvalidSpec'), undefined, 'invalid'],
  ['one that is invalid and suspended is invalid', available('False', 'InvalidSpec'), true, 'invalid'],
  ['one in the namespace of the operator is invalid', available('False', 'ForbiddenNamespace'), undefined, 'invalid'],
  ['one whose run is refused is blocked', available('False', 'RunRejected'), undefined, 'blocked'],
])('%s', async (_says, status, suspend, state) => {
  const spec = suspend === undefined ? {} : { suspend };
  schedules.observe(toCachedSchedule(cronSequentialJob({ spec, ...(status === undefined ? {} : { status }) })));
  const families = await served();
  for (const one of ['active', 'suspended', 'invalid', 'blocked']) {
    expect([one, valueOf(families, 'sequentialjob_schedules', { state: one })]).toEqual([one, one === state ? 1 : 0]);
  }
});

function available(status: 'True' | 'False', reason: string): CronSequentialJobStatus {
  return { conditions: [{ type: 'Available', status, reason, message: '', lastTransitionTime: at(0) }] };
}

it('the number of schedules is absent until they are listed', async () => {
  synced = false;
  expect((await served()).get('sequentialjob_schedules')?.samples).toEqual([]);
});

it('a created run is counted, with its delay; a clock that is behind the time counts as no delay', async () => {
  recorder.runCreated(250);
  recorder.runCreated(-5);
  const families = await served();
  expect(valueOf(families, 'sequentialjob_schedule_runs_started_total')).toBe(2);
  expect(valueOf(families, 'sequentialjob_schedule_start_delay_seconds_sum')).toBe(0.25);
  expect(valueOf(families, 'sequentialjob_schedule_start_delay_seconds_bucket', { le: '0.05' })).toBe(1);
});

it.each<readonly [ScheduleEventReason, string | undefined]>([
  ['MissSchedule', 'given_up'],
  ['TooManyMissedTimes', 'too_many'],
  ['RunForbidden', undefined],
])('the event %s counts as a missed time: %s', async (reason, counted) => {
  recorder.recorded([{ type: 'Warning', reason, message: '' }]);
  const families = await served();
  for (const one of ['given_up', 'too_many']) {
    const value = valueOf(families, 'sequentialjob_schedule_times_missed_total', { reason: one });
    expect([one, value]).toEqual([one, one === counted ? 1 : 0]);
  }
});
