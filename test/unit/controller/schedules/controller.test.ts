/** When schedules are reconciled: after both lists, for each change that matters, and at the times that decisions ask for. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import { FullObjectCache } from '../../../../controller/full-object-cache.ts';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import type { EventRecorder } from '../../../../controller/events.ts';
import { ScheduleController } from '../../../../controller/schedules/controller.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import { Cache } from '../../../../shared/kube/cache.ts';
import { ApiError } from '../../../../shared/kube/errors.ts';
import { scheduleOwner } from '../../../../shared/schedule/owner.ts';
import { FakeClient, FakeWatch } from '../../../support/fake-client.ts';
import { parseMetrics, valueOf } from '../../../support/metrics.ts';
import { at } from '../../../support/objects.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { cronSequentialJob, NOTHING, scheduledRun } from '../../../support/schedules.ts';

const HOUR_MS = 3_600_000;

let watch: FakeWatch;
let isInstalled: boolean;
let sequentialJobs: Cache<SequentialJob>;
/** Of each decision: the schedule, and how many runs it has. */
let decided: (readonly [string, number])[];
let requeueAfterMs: number | undefined;
let failure: Error | undefined;
let clockOffset: number;
let registry: Registry;
let controller: ScheduleController;

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  jest.useFakeTimers();
  [decided, requeueAfterMs, failure, isInstalled, clockOffset] = [[], undefined, undefined, true, 0];
  sequentialJobs = new Cache<SequentialJob>(({ metadata }) => scheduleOwner(metadata)?.uid);
  const client = new FakeClient({
    request: () => {
      if (!isInstalled) throw new ApiError('NotFound', 'the server could not find the requested resource');
      return { metadata: { resourceVersion: '1000' }, items: [cronSequentialJob()] };
    },
    stream: ({ signal }) => {
      watch = new FakeWatch(signal);
      return watch.body;
    },
  });
  registry = new Registry();
  controller = new ScheduleController({
    client,
    log: recordingLog().log,
    namespace: undefined,
    ownNamespace: undefined,
    metrics: new ControllerMetrics(registry),
    now: () => Date.now() + clockOffset,
    monotonic: () => performance.now(),
    random: () => 1,
    sequentialJobs,
    objects: new FullObjectCache(),
    events: {
      emit: () => undefined,
      waitForCapacity: () => Promise.resolve(),
    } as Partial<EventRecorder> as EventRecorder,
    enqueueSequence: () => undefined,
    mayReconcile: () => Promise.resolve(true),
    decide: ({ object, runs }) => {
      decided.push([object.metadata.name, runs.length]);
      if (failure !== undefined) throw failure;
      return { ...NOTHING, requeueAfterMs };
    },
  });
});

afterEach(async () => {
  await controller.stop();
  jest.useRealTimers();
});

async function start(): Promise<void> {
  controller.startInformer();
  controller.start();
  await pass();
}

it('nothing is decided before the SequentialJobs are listed', async () => {
  controller.startInformer();
  await pass(HOUR_MS);
  expect(decided).toEqual([]);
  controller.start();
  await pass();
  expect(decided).toEqual([['nightly', 0]]);
});

it('nothing is decided before the schedules are listed, however long that takes', async () => {
  isInstalled = false;
  await start();
  sequentialJobs.observe(scheduledRun());
  await pass(HOUR_MS);
  expect(decided).toEqual([]);
  isInstalled = true;
  await pass(30_000);
  expect(decided).toEqual([['nightly', 1]]);
});

it('a schedule is reconciled when a run of it appears, ends or goes, also if this process has recorded the end', async () => {
  await start();
  decided = [];
  sequentialJobs.observe(scheduledRun({ resourceVersion: '1001' }));
  await pass();
  sequentialJobs.assume(scheduledRun({ resourceVersion: '1002' }, { phase: 'Completed', completionTime: at(1) }));
  await pass();
  sequentialJobs.remove(scheduledRun({ resourceVersion: '1003' }));
  await pass();
  expect(decided.map(([, runs]) => runs)).toEqual([1, 1, 0]);
});

it('a schedule is reconciled at the time that the decision asks for, and not before: nothing polls', async () => {
  requeueAfterMs = 25 * 24 * HOUR_MS;
  await start();
  decided = [];
  await pass(requeueAfterMs - 1);
  expect(decided).toEqual([]);
  await pass(1);
  expect(decided).toHaveLength(1);
});

it('no timer remains of a schedule that is deleted', async () => {
  requeueAfterMs = 365 * 24 * HOUR_MS;
  await start();
  const before = jest.getTimerCount();
  watch.send('DELETED', cronSequentialJob({ metadata: { resourceVersion: '1001' } }));
  await pass();
  expect(jest.getTimerCount()).toBe(before - 1);
});

it('all schedules are reconciled after the clock was set', async () => {
  requeueAfterMs = 24 * HOUR_MS;
  await start();
  decided = [];
  clockOffset = 23 * HOUR_MS;
  await pass(10_000);
  expect(decided).toHaveLength(1);
});

it('a failure is retried with backoff, and counted apart from those of sequences', async () => {
  failure = new ApiError('ServerError', 'not today', { status: 500 });
  await start();
  await pass(1_000);
  expect(decided.length).toBeGreaterThan(1);
  failure = undefined;
  await pass(2_000);
  const families = parseMetrics(await registry.metrics());
  const total = (controllerName: string, result: string): number =>
    valueOf(families, 'controller_runtime_reconcile_total', { controller: controllerName, result });
  expect(total('cronsequentialjob', 'error')).toBe(decided.length - 1);
  expect(total('cronsequentialjob', 'success')).toBe(1);
  expect(total('sequentialjob', 'error')).toBe(0);
  expect(valueOf(families, 'controller_runtime_max_concurrent_reconciles', { controller: 'cronsequentialjob' })).toBe(
    8,
  );
});

it('nothing is decided after the stop', async () => {
  requeueAfterMs = 1_000;
  await start();
  decided = [];
  await controller.stop();
  sequentialJobs.observe(scheduledRun());
  await pass(HOUR_MS);
  expect(decided).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
});
