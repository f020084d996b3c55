import { beforeEach, expect, it } from '@jest/globals';
import { InformerErrors } from '../../../controller/informer-errors.ts';
import type { KubeObject } from '../../../shared/kube/cache.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

let lines: Line[];
let counted: string[];
let faults: InformerErrors;

const BROKEN = new TypeError('it is not iterable');

const object = (name: string): KubeObject => ({
  metadata: {
    name,
    namespace: 'team-a',
    uid: `uid-${name}`,
    resourceVersion: '1',
    annotations: { secret: 'S3CRET' },
  } as never,
});

beforeEach(() => {
  const recording = recordingLog();
  lines = recording.lines;
  counted = [];
  faults = new InformerErrors({ log: recording.log, onInternalError: (informer) => void counted.push(informer) });
});

it('an error about an object is logged once, without the contents of the object, and counted each time', () => {
  for (const name of ['a', 'b', 'a', 'a']) faults.record('jobs', BROKEN, { object: object(name) });
  expect(lines).toMatchObject([
    {
      level: 'error',
      informer: 'jobs',
      object: 'team-a/a',
      err: { type: 'TypeError' },
      msg: expect.stringMatching(/^internal error/),
    },
    { level: 'error', informer: 'jobs', object: 'team-a/b' },
  ]);
  expect(counted).toEqual(['jobs', 'jobs', 'jobs', 'jobs']);
  expect(JSON.stringify(lines)).not.toContain('S3CRET');
});

it('an error about an object without a name is logged once', () => {
  faults.record('pods', BROKEN, {});
  faults.record('pods', BROKEN, { object: undefined });
  faults.record('jobs', BROKEN, {});
  expect(lines.map(({ informer }) => informer)).toEqual(['pods', 'jobs']);
});

it('an error without an object is logged each time', () => {
  faults.record('jobs', BROKEN, { retryMs: 30_000 });
  faults.record('jobs', BROKEN, { retryMs: 30_000 });
  expect(lines).toMatchObject([
    { level: 'error', retryMs: 30_000, msg: expect.stringMatching(/^internal error/) },
    { level: 'error' },
  ]);
});

it('remembers at most 1000 objects, and counts all errors', () => {
  for (let i = 0; i < 1_100; i++) faults.record('jobs', BROKEN, { object: object(String(i)) });
  expect([lines.length, counted.length]).toEqual([1_000, 1_100]);
});
