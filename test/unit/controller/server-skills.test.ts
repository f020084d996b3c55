import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServerSkills } from '../../../controller/server-skills.ts';
import { buildJob, type JobManifest } from '../../../shared/jobs/job.ts';
import { sequentialJob } from '../../support/objects.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

const RULES = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] } as const;

function manifest(hasPolicy: boolean): JobManifest {
  const policy = hasPolicy ? [{ name: 'extract', podFailurePolicy: RULES as never }] : [];
  return buildJob(sequentialJob({ spec: { stepPolicies: policy } }), 0, 0);
}

describe('ServerSkills', () => {
  let skills: ServerSkills;
  let lines: Line[];

  beforeEach(() => {
    const recording = recordingLog();
    lines = recording.lines;
    skills = new ServerSkills(recording.log);
  });

  it('takes a server for one that can suspend Jobs, until it turns out that it cannot', () => {
    expect(skills.suspendsJobs).toBe(true);
    skills.noteUnsuspendable();
    expect(skills.suspendsJobs).toBe(false);
  });

  it('says once that the server cannot suspend Jobs', () => {
    for (let i = 0; i < 3; i++) skills.noteUnsuspendable();
    expect(lines).toEqual([
      { level: 'warn', time: expect.anything(), msg: expect.stringMatching(/^the API server cannot suspend Jobs: /) },
    ]);
  });

  it.each<readonly [string, boolean, unknown, boolean]>([
    ['a Job whose policy was dropped', true, { spec: {} }, true],
    ['an answer without a spec', true, {}, true],
    ['a Job whose policy was kept', true, { spec: { podFailurePolicy: RULES } }, false],
    ['a Job that never had one', false, { spec: {} }, false],
  ])('judges podFailurePolicy by %s', (_says, hasPolicy, answer, isSaid) => {
    skills.noteCreated(manifest(hasPolicy), answer);
    expect(lines.map(({ msg }) => msg)).toEqual(
      isSaid ? ['the API server does not know podFailurePolicy: it is left out of the Jobs'] : [],
    );
  });

  it('says once that the server does not know podFailurePolicy', () => {
    for (let i = 0; i < 3; i++) skills.noteCreated(manifest(true), { spec: {} });
    expect(lines).toHaveLength(1);
  });

  it('says nothing of one skill because of the other', () => {
    skills.noteCreated(manifest(true), { spec: {} });
    expect(skills.suspendsJobs).toBe(true);
    skills.noteUnsuspendable();
    expect(lines).toHaveLength(2);
  });
});
