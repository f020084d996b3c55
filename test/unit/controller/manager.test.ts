/** The controller as a whole against an API server in memory: its metrics and its log, and its way back after trouble. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';
import { Controller } from '../../../controller/manager.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { ControllerMetrics } from '../../../controller/metrics/index.ts';
import { FakeClient, FakeWatch } from '../../support/fake-client.ts';
import { type Family, parseMetrics, valueOf } from '../../support/metrics.ts';
import { at, sequentialJob } from '../../support/objects.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

/** At its second step, whose Job no list shows: each reconcile asks for it. */
const RUNNING = sequentialJob({
  metadata: { resourceVersion: '900' },
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

const UNREACHABLE = new ApiError('Unreachable', 'connect ECONNREFUSED');
const NOT_SERVED = new ApiError('NotFound', 'the server could not find the requested resource', { status: 404 });

let lines: Line[];
let registry: Registry;
let controller: Controller;
let watches: Map<string, FakeWatch>;
/** What comes instead of an answer to anything. */
let outage: ApiError | undefined;
/** Whether the API server knows SequentialJobs in the version of the operator. */
let isServed: boolean;
/** Requests that concern a Job. */
let jobRequests: number;
/** What a look at the Job brings. */
let look: () => unknown;
let event: () => unknown;

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const looks = (): number => lines.filter(({ msg }) => /^reconcile (failed|again)/.test(msg)).length;
const plural = (path: string): string => path.split('/').at(-1) ?? '';

function answer({ method, path, query }: ApiRequest): unknown {
  if (outage !== undefined) throw outage;
  if (!isServed && path.includes('/sequentialjobs')) throw NOT_SERVED;
  if (path.includes('/jobs') && query?.['limit'] === undefined) jobRequests++;
  if (method === 'GET' && query?.['limit'] !== undefined) {
    return { metadata: { resourceVersion: '1000' }, items: plural(path) === 'sequentialjobs' ? [RUNNING] : [] };
  }
  if (path.includes('/events')) return event();
  if (plural(path) === 'status') return { ...RUNNING, metadata: { ...RUNNING.metadata, resourceVersion: '950' } };
  if (plural(path) === 'etl') return RUNNING;
  return look();
}

beforeEach(async () => {
  jest.useFakeTimers();
  outage = undefined;
  [isServed, jobRequests] = [true, 0];
  watches = new Map();
  look = () => {
    throw new ApiError('ServerError', 'not today', { status: 500 });
  };
  event = () => ({});
  const client = new FakeClient({
    request: answer,
    stream: ({ path, signal }) => {
      if (outage !== undefined) throw outage;
      if (!isServed && plural(path) === 'sequentialjobs') throw NOT_SERVED;
      const watch = new FakeWatch(signal);
      watches.set(plural(path), watch);
      return watch.body;
    },
  });
  const recording = recordingLog();
  ({ lines } = recording);
  registry = new Registry();
  const metrics = new ControllerMetrics(registry);
  controller = new Controller({ client, log: recording.log, workers: 3, metrics, random: () => 1 });
  const starting = controller.start();
  await pass();
  await starting;
  await pass();
});

async function stop(): Promise<void> {
  const stopping = controller.stop();
  await pass(6_000);
  await stopping;
}

afterEach(async () => {
  await stop();
  jest.useRealTimers();
});

const served = async (): Promise<ReadonlyMap<string, Family>> => parseMetrics(await registry.metrics());
const valueOfMetric = async (name: string, labels = {}): Promise<number> => valueOf(await served(), name, labels);
const said = (msg: string): Line | undefined => lines.find((line) => line.msg === msg);

it('a log line about a sequence has its name and the current step', () => {
  expect(said('reconcile failed, will retry')).toMatchObject({
    level: 'warn',
    sequentialJob: 'team-a/etl',
    step: { index: 1, name: 'transform' },
  });
});

const OF_SEQUENCES = { controller: 'sequentialjob' };

it.each<readonly [string, number, Readonly<Record<string, string>>]>([
  ['controller_runtime_reconcile_total', 1, { ...OF_SEQUENCES, result: 'error' }],
  ['controller_runtime_reconcile_total', 0, { ...OF_SEQUENCES, result: 'success' }],
  ['controller_runtime_max_concurrent_reconciles', 3, OF_SEQUENCES],
  ['workqueue_adds_total', 1, OF_SEQUENCES],
  ['workqueue_retries_total', 1, OF_SEQUENCES],
  ['workqueue_work_duration_seconds_count', 1, OF_SEQUENCES],
  ['sequentialjob_sequences', 1, { phase: 'Running' }],
])('after the first reconcile, which failed, %s is %d %j', async (name, value, labels) => {
  expect(await valueOfMetric(name, labels)).toBe(value);
});

it('a rejected watch is counted, and an expired one is not', async () => {
  watches.get('pods')?.send('ERROR', { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no Pods for you' });
  watches.get('jobs')?.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
  await pass();
  expect(lines.map(({ informer }) => informer)).toEqual(expect.arrayContaining(['pods', 'jobs']));
  expect(await valueOfMetric('sequentialjob_watch_errors_total', { resource: 'pods' })).toBe(1);
  expect(await valueOfMetric('sequentialjob_watch_errors_total', { resource: 'jobs' })).toBe(0);
});

it('a stopped controller reports no sequences', async () => {
  expect((await served()).get('sequentialjob_sequences')?.samples).toHaveLength(6);
  await stop();
  expect((await served()).get('sequentialjob_sequences')?.samples).toEqual([]);
});

it('a conflict is not an error: the key is requeued', async () => {
  look = () => {
    throw new ApiError('Conflict', 'it has changed', { status: 409, retryAfterMs: 60_000 });
  };
  await pass(300);
  expect(said('reconcile again')).toMatchObject({ level: 'debug', sequentialJob: 'team-a/etl' });
  expect(await valueOfMetric('controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'requeue' })).toBe(1);
  expect(await valueOfMetric('controller_runtime_reconcile_errors_total', OF_SEQUENCES)).toBe(1);
});

describe('a sequence that has failed to reconcile for a long time', () => {
  it('is retried within a second when the connection to the API server is back', async () => {
    // 250 ms, 500 ms, … 128 s: the next one is 256 s away.
    await pass(256_000);
    const before = looks();
    expect(before).toBeGreaterThanOrEqual(10);
    outage = UNREACHABLE;
    for (const watch of watches.values()) watch.fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    await pass(20_000);
    expect(looks()).toBe(before);
    outage = undefined;
    // 5 s at most until the reflector looks, and a second.
    await pass(6_000);
    expect(looks()).toBeGreaterThan(before);
  });

  it('is not retried earlier because a watch was closed', async () => {
    await pass(256_000);
    const before = looks();
    for (const watch of watches.values()) watch.fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    await pass(10_000);
    expect(looks()).toBe(before);
  });
});

it('is reconciled without backoff after a conflict, if it changed during the reconcile', async () => {
  let asked = 0;
  look = () => {
    asked++;
    // The change that the write met comes before its refusal.
    watches.get('sequentialjobs')?.send('MODIFIED', {
      ...RUNNING,
      metadata: { ...RUNNING.metadata, resourceVersion: String(1000 + asked) },
    });
    return new Promise((_, reject) => {
      setTimeout(() => reject(new ApiError('Conflict', 'it has changed', { status: 409 })), 10);
    });
  };
  await pass(250);
  const before = asked;
  await pass(10);
  await pass(10);
  await pass(10);
  expect(asked - before).toBeGreaterThanOrEqual(2);
});

describe('an Event that is not written', () => {
  const dropped = async (): Promise<number> => valueOfMetric('sequentialjob_events_dropped_total');

  it('is counted when it is dropped', async () => {
    let tried = 0;
    event = () => {
      tried++;
      throw new ApiError('Forbidden', 'no Events for you', { status: 403 });
    };
    await pass(1_000);
    expect(tried).toBeGreaterThan(0);
    expect(await dropped()).toBe(tried);
    expect(said('event dropped')).toBeDefined();
  });

  it('because its namespace is being deleted is neither logged nor counted, so that no alert fires', async () => {
    const causes = [{ reason: 'NamespaceTerminating' }];
    let tried = 0;
    event = () => {
      tried++;
      throw new ApiError('Forbidden', 'it is being terminated', { status: 403, causes });
    };
    await pass(10_000);
    expect(tried).toBe(1);
    expect(await dropped()).toBe(0);
    expect(lines.filter(({ msg }) => msg.includes('event dropped'))).toEqual([]);
  });

  it('because of a programming error is an internal error, and not retried', async () => {
    event = () => {
      throw new TypeError('it is not a function');
    };
    await pass(1_000);
    expect(said('internal error: event dropped (please report)')).toMatchObject({
      level: 'error',
      err: { type: 'TypeError', message: 'it is not a function' },
    });
    expect(await dropped()).toBeGreaterThan(0);
  });
});

it('an object for which a transform throws is an internal error of the informer; it is counted, and does not affect others', async () => {
  watches
    .get('jobs')
    ?.send('ADDED', { metadata: { name: 'odd', uid: 'x', resourceVersion: '1001' }, status: { conditions: 7 } });
  watches.get('sequentialjobs')?.send('ADDED', {
    ...RUNNING,
    metadata: { ...RUNNING.metadata, name: 'other', uid: 'other', resourceVersion: '1002' },
  });
  await pass(100);
  expect(lines.find(({ informer }) => informer === 'jobs')).toMatchObject({
    level: 'error',
    object: 'odd',
    msg: expect.stringMatching(/^internal error/),
  });
  expect(await valueOfMetric('sequentialjob_informer_internal_errors_total', { resource: 'jobs' })).toBe(1);
  expect(await valueOfMetric('sequentialjob_watch_errors_total', { resource: 'jobs' })).toBe(0);
  expect(lines.some((line) => line['sequentialJob'] === 'team-a/other')).toBe(true);
});

it('while the API server does not serve SequentialJobs in this version, no Job is touched; afterwards everything goes on', async () => {
  isServed = false;
  watches.get('sequentialjobs')?.end();
  await pass(1_000);
  jobRequests = 0;
  watches.get('jobs')?.send('BOOKMARK', { metadata: { resourceVersion: '1001' } });
  await pass(600_000);
  expect(jobRequests).toBe(0);
  isServed = true;
  await pass(60_000);
  expect(jobRequests).toBeGreaterThan(0);
});
