import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { ScheduleInformer } from '../../../../controller/schedules/informer.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { FakeClient, FakeWatch } from '../../../support/fake-client.ts';
import { type Line, recordingLog } from '../../../support/recording-log.ts';
import { cronSequentialJob, SCHEDULE_KEY } from '../../../support/schedules.ts';

const HOUR_MS = 3_600_000;

let answer: ApiErrorCode | readonly unknown[];
let client: FakeClient;
let lines: Line[];
let keys: string[];
let failures: string[];
let bugs: string[];
let watch: FakeWatch;
let informer: ScheduleInformer;

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const said = (level: string): readonly string[] => lines.filter((line) => line.level === level).map(({ msg }) => msg);

beforeEach(() => {
  jest.useFakeTimers();
  [keys, failures, bugs] = [[], [], []];
  client = new FakeClient({
    request: () => {
      if (typeof answer === 'string') throw new ApiError(answer, `it was ${answer}`);
      return { metadata: { resourceVersion: '1000' }, items: answer };
    },
    stream: ({ signal }) => {
      watch = new FakeWatch(signal);
      return watch.body;
    },
  });
  const recording = recordingLog();
  ({ lines } = recording);
  informer = new ScheduleInformer({
    client,
    log: recording.log,
    namespace: 'team-a',
    random: () => 1,
    enqueue: (key) => void keys.push(key),
    onWatchError: (watched) => void failures.push(watched),
    onInternalError: (watched) => void bugs.push(watched),
  });
});

afterEach(async () => {
  await informer.stop();
  jest.useRealTimers();
});

it('lists and watches the schedules of its namespace without their templates, and enqueues each that changes', async () => {
  answer = [cronSequentialJob()];
  informer.start();
  await pass();
  expect(client.requests).toMatchObject([
    { path: '/apis/batch.example.com/v1beta1/namespaces/team-a/cronsequentialjobs' },
  ]);
  expect(informer.hasSynced).toBe(true);
  expect(informer.schedules.get(SCHEDULE_KEY)?.spec).toEqual({ schedule: '* * * * *' });
  watch.send('MODIFIED', cronSequentialJob({ metadata: { resourceVersion: '1001' } }));
  watch.send('DELETED', cronSequentialJob({ metadata: { resourceVersion: '1002' } }));
  await pass();
  expect(keys).toEqual([SCHEDULE_KEY, SCHEDULE_KEY, SCHEDULE_KEY]);
});

it.each<readonly [ApiErrorCode, string, string]>([
  ['NotFound', 'info', 'CronSequentialJobs are not installed: nothing runs on a schedule'],
  ['Forbidden', 'warn', 'no permission to list and watch CronSequentialJobs: nothing runs on a schedule'],
])(
  '%s is logged once and is no failure; the list is tried twice a minute until it works',
  async (code, level, text) => {
    answer = code;
    informer.start();
    await pass(HOUR_MS);
    expect(said(level)).toEqual([text]);
    expect(said('warn')).toHaveLength(level === 'warn' ? 1 : 0);
    expect(failures).toEqual([]);
    expect(informer.hasSynced).toBe(false);
    expect(client.requests.length).toBeLessThan(135);
    answer = [cronSequentialJob()];
    await pass(30_000);
    expect(informer.hasSynced).toBe(true);
    expect(keys).toEqual([SCHEDULE_KEY]);
  },
);

it('a definition that is missing again is logged again', async () => {
  answer = [];
  informer.start();
  await pass();
  for (let i = 0; i < 2; i++) {
    answer = 'NotFound';
    watch.send('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
    await pass(60_000);
    answer = [];
    await pass(60_000);
  }
  expect(said('info')).toHaveLength(2);
});

it('any other failure is logged and counted each time, but for a watch that has expired', async () => {
  answer = 'ServerError';
  informer.start();
  await pass(1_000);
  const warned = said('warn').length;
  expect(warned).toBeGreaterThan(1);
  expect(failures).toEqual(Array.from({ length: warned }, () => 'cronsequentialjobs'));
  answer = [];
  await pass(30_000);
  const before = said('warn').length;
  watch.send('ERROR', { kind: 'Status', code: 410, message: 'too old resource version' });
  await pass(1_000);
  expect(said('warn')).toHaveLength(before);
});

it('leaves out an object that it cannot process, and says so', async () => {
  answer = [{ ...cronSequentialJob(), spec: null }];
  informer.start();
  await pass();
  expect(informer.hasSynced).toBe(true);
  expect(bugs).toEqual(['cronsequentialjobs']);
  expect(said('error')).toEqual(['internal error: the informer skipped an object (please report)']);
});
