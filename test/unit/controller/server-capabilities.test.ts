import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServerCapabilities } from '../../../controller/server-capabilities.ts';
import { buildJob, type JobManifest } from '../../../shared/jobs/job.ts';
import { container, sequentialJob } from '../../support/objects.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

const RULES = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } as const;

function manifest(hasPolicy: boolean): JobManifest {
  const step = container('extract', hasPolicy ? { job: { podFailurePolicy: RULES } } : {});
  return buildJob(sequentialJob({ spec: { steps: [step] } }), 0, 0);
}

describe('ServerCapabilities', () => {
  let capabilities: ServerCapabilities;
  let lines: Line[];

  beforeEach(() => {
    const recording = recordingLog();
    lines = recording.lines;
    capabilities = new ServerCapabilities(recording.log);
  });

  it('assumes that the server can suspend Jobs until a response shows that it cannot, which is logged once', () => {
    expect(capabilities.suspendsJobs).toBe(true);
    for (let i = 0; i < 3; i++) capabilities.disableJobSuspend();
    expect(capabilities.suspendsJobs).toBe(false);
    expect(lines).toMatchObject([{ level: 'warn' }]);
  });

  const kept = { podReplacementPolicy: 'Failed' };

  it.each<readonly [string, boolean, unknown, readonly string[]]>([
    ['a Job whose fields were dropped', true, { spec: {} }, ['podFailurePolicy', 'podReplacementPolicy']],
    ['a response without a spec', true, {}, ['podFailurePolicy', 'podReplacementPolicy']],
    ['a Job whose fields were kept', true, { spec: { ...kept, podFailurePolicy: RULES } }, []],
    [
      'a Job of which only the older field was kept',
      true,
      { spec: { podFailurePolicy: RULES } },
      ['podReplacementPolicy'],
    ],
    ['a Job without podFailurePolicy', false, { spec: kept }, []],
  ])('derives the capability from %s', (_says, hasPolicy, answer, missing) => {
    capabilities.recordCreated(manifest(hasPolicy), answer);
    expect(lines.map(({ field }) => field)).toEqual(missing);
  });

  it('logs unknown fields of a server once', () => {
    for (let i = 0; i < 3; i++) capabilities.recordCreated(manifest(true), { spec: {} });
    expect(lines).toHaveLength(2);
  });

  it('logs a missing permission to create Jobs once, and again if it was granted in between', () => {
    for (let i = 0; i < 3; i++) capabilities.recordDenied('Jobs', 'jobs.batch is forbidden');
    capabilities.recordCreated(manifest(false), { spec: kept });
    capabilities.recordDenied('Jobs', 'jobs.batch is forbidden again');
    expect(lines.map(({ err }) => err)).toEqual(['jobs.batch is forbidden', 'jobs.batch is forbidden again']);
  });

  it('logs a missing permission to create runs of schedules apart from that to create Jobs', () => {
    for (let i = 0; i < 2; i++) capabilities.recordDenied('SequentialJobs', 'sequentialjobs is forbidden');
    capabilities.recordCreated(manifest(false), { spec: kept });
    capabilities.recordDenied('SequentialJobs', 'sequentialjobs is forbidden');
    capabilities.recordRunCreated();
    capabilities.recordDenied('SequentialJobs', 'sequentialjobs is forbidden again');
    expect(lines.map(({ err }) => err)).toEqual(['sequentialjobs is forbidden', 'sequentialjobs is forbidden again']);
    expect(lines[0]?.['msg']).toBe(
      'no permission to create SequentialJobs: runs of schedules wait until the operator has it',
    );
  });

  it.each<readonly [string, unknown, boolean]>([
    ['any TTL', 600, true],
    ['a TTL of 0', 0, true],
    ['none', undefined, false],
    ['null', null, false],
  ])('warns once about a TTL that a policy has set: %s', (_says, ttlSecondsAfterFinished, isTold) => {
    for (let i = 0; i < 2; i++) {
      capabilities.recordCreated(manifest(false), { spec: { ...kept, ttlSecondsAfterFinished } });
    }
    const job = 'team-a/etl-0-extract';
    expect(lines).toMatchObject(isTold ? [{ level: 'warn', job, ttlSecondsAfterFinished }] : []);
  });
});
