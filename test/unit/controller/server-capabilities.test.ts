import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServerCapabilities } from '../../../controller/server-capabilities.ts';
import { buildJob, type JobManifest } from '../../../shared/jobs/job.ts';
import { sequentialJob } from '../../support/objects.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

const RULES = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } as const;

function manifest(hasPolicy: boolean): JobManifest {
  const policy = hasPolicy ? [{ name: 'extract', podFailurePolicy: RULES as never }] : [];
  return buildJob(sequentialJob({ spec: { stepPolicies: policy } }), 0, 0);
}

describe('ServerSkills', () => {
  let skills: ServerCapabilities;
  let lines: Line[];

  beforeEach(() => {
    const recording = recordingLog();
    lines = recording.lines;
    skills = new ServerCapabilities(recording.log);
  });

  it('takes a server for one that can suspend Jobs, until it turns out that it cannot', () => {
    expect(skills.suspendsJobs).toBe(true);
    skills.disableJobSuspend();
    expect(skills.suspendsJobs).toBe(false);
  });

  it('says once that the server cannot suspend Jobs', () => {
    for (let i = 0; i < 3; i++) skills.disableJobSuspend();
    expect(lines).toEqual([
      {
        level: 'warn',
        time: expect.anything(),
        msg: expect.stringMatching(/^the API server does not support suspended Jobs: /),
      },
    ]);
  });

  const kept = { podReplacementPolicy: 'Failed' };

  it.each<readonly [string, boolean, unknown, readonly string[]]>([
    ['a Job whose fields were dropped', true, { spec: {} }, ['podFailurePolicy', 'podReplacementPolicy']],
    ['an answer without a spec', true, {}, ['podFailurePolicy', 'podReplacementPolicy']],
    ['a Job whose fields were kept', true, { spec: { ...kept, podFailurePolicy: RULES } }, []],
    [
      'a server that knows the older field alone',
      true,
      { spec: { podFailurePolicy: RULES } },
      ['podReplacementPolicy'],
    ],
    ['a Job that never had a policy', false, { spec: kept }, []],
  ])('judges what the server knows by %s', (_says, hasPolicy, answer, missing) => {
    skills.recordCreated(manifest(hasPolicy), answer);
    expect(lines.map(({ field }) => field)).toEqual(missing);
  });

  it('says once what the server does not know', () => {
    for (let i = 0; i < 3; i++) skills.recordCreated(manifest(true), { spec: {} });
    expect(lines.map(({ msg }) => msg)).toEqual([
      'the API server does not know this field of a Job: every failure of a Pod counts against the backoffLimit',
      'the API server does not know this field of a Job: a Pod that is drained or deleted may be replaced while it still runs',
    ]);
  });

  it('says that the controller may not create Jobs: once, and again where it may in between', () => {
    for (let i = 0; i < 3; i++) skills.recordDenied('jobs.batch is forbidden');
    skills.recordCreated(manifest(false), { spec: kept });
    skills.recordDenied('jobs.batch is forbidden again');
    expect(lines.map(({ msg, err }) => [msg, err])).toEqual([
      ['no permission to create Jobs: steps wait until the operator has it', 'jobs.batch is forbidden'],
      ['no permission to create Jobs: steps wait until the operator has it', 'jobs.batch is forbidden again'],
    ]);
  });

  it('says nothing of one skill because of the other', () => {
    skills.recordCreated(manifest(true), { spec: kept });
    expect(skills.suspendsJobs).toBe(true);
    skills.disableJobSuspend();
    expect(lines).toHaveLength(2);
  });

  describe('of a time to live that a policy sets', () => {
    const answerWith = (ttlSecondsAfterFinished: unknown): unknown => ({ spec: { ...kept, ttlSecondsAfterFinished } });

    it.each<readonly [string, unknown, boolean]>([
      ['a time to live', 600, true],
      ['the shortest one', 0, true],
      ['none', undefined, false],
      ['null', null, false],
    ])('%s', (_says, ttl, isTold) => {
      skills.recordCreated(manifest(false), answerWith(ttl));
      expect(lines.map(({ job }) => job)).toEqual(isTold ? ['team-a/etl-0-extract'] : []);
    });

    it('says once, with its value, what may come of it', () => {
      for (let i = 0; i < 3; i++) skills.recordCreated(manifest(false), answerWith(i));
      expect(lines).toEqual([
        {
          level: 'warn',
          time: expect.anything(),
          job: 'team-a/etl-0-extract',
          ttlSecondsAfterFinished: 0,
          msg: expect.stringMatching(/set ttlSecondsAfterFinished on a Job .* may delete the Job before .* JobDeleted/),
        },
      ]);
    });
  });
});
