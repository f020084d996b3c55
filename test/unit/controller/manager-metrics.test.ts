/** The controller as a whole: what its metrics and its log say of a sequence, against an API server in memory. */
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { Controller } from '../../../controller/manager.ts';
import { ControllerMetrics } from '../../../controller/metrics/index.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClient, FakeWatch } from '../../support/fake-client.ts';
import { type Family, parseMetrics, valueOf } from '../../support/metrics.ts';
import { at, sequentialJob } from '../../support/objects.ts';
import { recordingLog, type Line } from '../../support/recording-log.ts';

/** One sequence at its second step, whose Job cannot be looked at. Neither can Pods, and Events cannot be written. */
const RUNNING = sequentialJob({
  status: {
    phase: 'Running',
    startTime: at(0),
    progress: { currentIndex: 1, currentStep: 'transform', completedIndices: [0], summary: '1/3' },
    steps: [
      { index: 0, name: 'extract', jobName: 'etl-0-extract', jobUID: 'a', state: 'Succeeded' },
      { index: 1, name: 'transform', jobName: 'etl-1-transform', jobUID: 'b', state: 'Running' },
    ],
  },
});

let lines: Line[];
let registry: Registry;
let controller: Controller;
/** What looking at the Job is answered. */
let answer: ApiError;

beforeEach(() => {
  // No retry within the test.
  answer = new ApiError('ServerError', 'not today', { status: 500, retryAfterMs: 60_000 });
});

async function start(): Promise<void> {
  const client = new FakeClient({
    request: ({ method, path, query }) => {
      if (method === 'GET' && query?.['limit'] !== undefined) {
        if (path.endsWith('/pods')) throw new ApiError('Forbidden', 'no Pods for you', { status: 403 });
        const items = path.endsWith('/sequentialjobs') ? [RUNNING] : [];
        return { metadata: { resourceVersion: '1000' }, items };
      }
      if (path.endsWith('/status')) return { ...RUNNING, metadata: { ...RUNNING.metadata, resourceVersion: '1001' } };
      if (path.endsWith('/events')) throw new ApiError('Forbidden', 'no Events for you', { status: 403 });
      throw answer;
    },
    stream: ({ path, signal }) => {
      const watch = new FakeWatch(signal);
      if (path.endsWith('/jobs'))
        watch.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
      return watch.body;
    },
  });
  const recording = recordingLog();
  ({ lines } = recording);
  registry = new Registry();
  controller = new Controller({
    client,
    log: recording.log,
    workers: 3,
    metrics: new ControllerMetrics(registry),
    random: () => 1,
  });
  await controller.start();
}
afterEach(async () => controller.stop());

const served = async (): Promise<ReadonlyMap<string, Family>> => parseMetrics(await registry.metrics());
const said = async (msg: string): Promise<Line> => eventually(msg, () => lines.find((line) => line.msg === msg));

it('a line about a sequence names it, and the step that it is at', async () => {
  await start();
  expect(await said('reconcile failed, will retry')).toMatchObject({
    level: 'warn',
    sequentialJob: 'team-a/etl',
    step: { index: 1, name: 'transform' },
  });
});

it('the metrics have the failure, the queue, the sequences and the watch that is refused', async () => {
  await start();
  await said('reconcile failed, will retry');
  for (const informer of ['pods', 'jobs']) {
    await eventually(informer, () => lines.find((line) => line['informer'] === informer));
  }
  const families = await served();
  const values = (['error', 'success'] as const).map((result) =>
    valueOf(families, 'controller_runtime_reconcile_total', { result }),
  );
  expect(values).toEqual([1, 0]);
  expect(valueOf(families, 'controller_runtime_max_concurrent_reconciles')).toBe(3);
  expect(valueOf(families, 'workqueue_adds_total')).toBe(1);
  expect(valueOf(families, 'workqueue_retries_total')).toBe(1);
  expect(valueOf(families, 'workqueue_work_duration_seconds_count')).toBe(1);
  expect(valueOf(families, 'sequentialjob_sequences', { phase: 'Running' })).toBe(1);
  expect(valueOf(families, 'sequentialjob_watch_errors_total', { resource: 'pods' })).toBeGreaterThan(0);
  // Its watch has expired, which is routine.
  expect(valueOf(families, 'sequentialjob_watch_errors_total', { resource: 'jobs' })).toBe(0);
});

it('an event that cannot be written is counted when it is given up', async () => {
  await start();
  await said('event dropped');
  expect(valueOf(await served(), 'sequentialjob_events_dropped_total')).toBe(1);
});

it('a controller that has ended counts no sequences any more', async () => {
  await start();
  expect((await served()).get('sequentialjob_sequences')?.samples).toHaveLength(5);
  await controller.stop();
  expect((await served()).get('sequentialjob_sequences')?.samples).toEqual([]);
});

it('a conflict is no error: the reconcile begins anew', async () => {
  answer = new ApiError('Conflict', 'it has changed', { status: 409, retryAfterMs: 60_000 });
  await start();
  expect(await said('reconcile again')).toMatchObject({ level: 'debug', sequentialJob: 'team-a/etl' });
  const families = await served();
  expect(valueOf(families, 'controller_runtime_reconcile_total', { result: 'requeue' })).toBe(1);
  expect(valueOf(families, 'controller_runtime_reconcile_errors_total')).toBe(0);
});
