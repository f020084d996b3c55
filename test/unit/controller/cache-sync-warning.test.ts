import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { CacheSyncWarning } from '../../../controller/cache-sync-warning.ts';
import type { Watched } from '../../../controller/metrics/index.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

let missing: readonly Watched[];
let lines: Line[];
let wait: CacheSyncWarning;

beforeEach(() => {
  jest.useFakeTimers();
  const recording = recordingLog();
  lines = recording.lines;
  missing = ['sequentialjobs', 'jobs'];
  wait = new CacheSyncWarning({ log: recording.log, unsynced: () => missing });
  wait.start();
});

afterEach(() => {
  wait.stop();
  jest.useRealTimers();
});

it('the log names every 30 s the caches that have not synced, since when, and why', () => {
  wait.recordError('jobs', 'jobs.batch is forbidden');
  wait.recordError('pods', 'nobody waits for these');
  jest.advanceTimersByTime(29_999);
  expect(lines).toEqual([]);
  jest.advanceTimersByTime(1);
  missing = ['jobs'];
  jest.advanceTimersByTime(30_000);
  expect(lines).toMatchObject([
    { level: 'warn', informers: ['sequentialjobs', 'jobs'], waitingSeconds: 30 },
    { level: 'warn', informers: ['jobs'], waitingSeconds: 60, errors: { jobs: 'jobs.batch is forbidden' } },
  ]);
  expect(lines[0]?.['errors']).toEqual({ jobs: 'jobs.batch is forbidden' });
});

it('nothing is logged once all caches have synced, or after the wait was stopped', () => {
  missing = [];
  jest.advanceTimersByTime(60_000);
  missing = ['jobs'];
  wait.stop();
  jest.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
  expect(jest.getTimerCount()).toBe(0);
});
