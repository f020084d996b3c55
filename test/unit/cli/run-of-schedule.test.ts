/** What the commands for files do with a CronSequentialJob: it is validated, and a run of it is rendered and asked about. */
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { runOfSchedule } from '../../../cli/run-of-schedule.ts';
import { run } from './memory-io.ts';

const NIGHTLY = `apiVersion: batch.example.com/v1beta1
kind: CronSequentialJob
metadata:
  name: nightly
spec:
  schedule: 30 2 * * *
  sequentialJobTemplate:
    metadata: {labels: {team: a}}
    spec:
      steps:
        - name: load
          image: busybox:1.36
`;
const ETL = `apiVersion: batch.example.com/v1beta1
kind: SequentialJob
metadata: {name: etl}
spec: {steps: [{name: load, image: 'x:1'}]}
`;

const found = async (text: string): Promise<readonly string[]> => {
  const { out } = await run('lint', ['a'], { a: text });
  return out.split('\n').filter((line) => line !== '');
};

describe('lint', () => {
  it.each<readonly [sentence: string, text: string, lines: readonly (string | RegExp)[]]>([
    ['a valid schedule', NIGHTLY, []],
    [
      'a schedule that is none',
      NIGHTLY.replace('30 2', '30 25'),
      [/^a:6:3: spec\.schedule: Invalid value: "30 25 \* \* \*": /],
    ],
    [
      'an error of a step, where it is',
      NIGHTLY.replace('busybox:1.36', 'UPPER'),
      [/^a:12:11: spec\.sequentialJobTemplate\.spec\.steps\[0\]\.image: Invalid value: "UPPER": /],
    ],
    [
      'a warning of a step, where it is',
      NIGHTLY.replace('busybox:1.36', 'busybox'),
      [/^a:12:11: warning: spec\.sequentialJobTemplate\.spec\.steps\[0\]\.image: /],
    ],
    [
      'unknown fields',
      NIGHTLY.replace('  sequentialJobTemplate', '  timezone: UTC\n  sequentialJobTemplate').replace('image:', 'imag:'),
      [
        /^a:7:3: warning: unknown field "spec\.timezone"/,
        /^a:12:11: spec\.sequentialJobTemplate\.spec\.steps\[0\]\.image: Required value/,
        /^a:13:11: warning: unknown field "spec\.sequentialJobTemplate\.spec\.steps\[0\]\.imag"/,
      ],
    ],
    [
      'a version that the kind does not have',
      NIGHTLY.replace('v1beta1', 'v1alpha1'),
      [
        'a:1:1: apiVersion: Unsupported value: "batch.example.com/v1alpha1": supported values: "batch.example.com/v1beta1"',
      ],
    ],
    [
      'a kind that is misspelled',
      NIGHTLY.replace('CronSequentialJob', 'CronSequentialjob'),
      [/^a:2:1: kind: Unsupported value: "CronSequentialjob": supported values: "CronSequentialJob", "SequentialJob"/],
    ],
  ])('%s', async (_sentence, text, lines) => {
    const said = await found(text);
    const first = said.slice(0, lines.length);
    expect(first).toEqual(lines.map((line) => (typeof line === 'string' ? line : expect.stringMatching(line))));
    if (lines.length === 0) expect(said).toEqual([]);
  });

  it('counts the two kinds, in documents and in lists', async () => {
    const item = {
      metadata: { name: 'a' },
      spec: { schedule: '@daily', sequentialJobTemplate: { spec: { steps: [] } } },
    };
    const list = { apiVersion: 'batch.example.com/v1beta1', kind: 'CronSequentialJobList', items: [item] };
    const { code, out, err } = await run('lint', ['a'], { a: `${NIGHTLY}---\n${ETL}---\n${JSON.stringify(list)}\n` });
    expect(code).toBe(1);
    expect(out).toMatch(/^a:\d+:\d+: document 3, item 1: spec\.sequentialJobTemplate\.spec\.steps: Required value\n$/);
    expect(err).toBe('1 SequentialJob, 2 CronSequentialJobs, 1 error\n');
    expect((await run('lint', ['a'], { a: NIGHTLY })).err).toBe('1 CronSequentialJob, no errors\n');
  });
});

describe('render', () => {
  it('prints the Jobs of a run', async () => {
    const { code, out } = await run('render', ['a'], { a: NIGHTLY });
    expect(code).toBe(0);
    expect(out).toContain('# The Job of SequentialJob default/nightly-xxxxxxxx.\n');
    expect(out).toContain('# xxxxxxxx stands for the time of the run, in minutes since 1970.\n');
    const [job] = parseAllDocuments(out).map((document) => document.toJS() as object);
    expect(job).toMatchObject({
      kind: 'Job',
      metadata: { name: 'nightly-xxxxxxxx-0-load' },
      spec: { backoffLimit: 3 },
    });
  });

  it('prints no Job of a schedule with an error', async () => {
    const { code, out, err } = await run('render', ['a'], { a: NIGHTLY.replace('30 2 * * *', 'never') });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^a:6:3: spec\.schedule: /);
  });
});

describe('convert', () => {
  it('leaves a schedule as it is, which has one version', async () => {
    const { code, out } = await run('convert', ['--to=v1alpha1', 'a'], { a: `${NIGHTLY}---\n${ETL}` });
    expect(code).toBe(0);
    expect(out.startsWith(NIGHTLY)).toBe(true);
    expect(out).toContain('apiVersion: batch.example.com/v1alpha1\nkind: SequentialJob\n');
  });
});

describe('a run', () => {
  const template = {
    metadata: { labels: { team: 'a' }, annotations: { b: 'c' } },
    spec: { steps: [{ name: 'load' }] },
  };

  it('has the metadata of the template, our label, and the defaults of a SequentialJob', () => {
    const metadata = { name: 'nightly', namespace: 'team-a', labels: { own: 'x' } };
    expect(runOfSchedule({ metadata, spec: { schedule: '@daily', sequentialJobTemplate: template } })).toMatchObject({
      kind: 'SequentialJob',
      metadata: {
        name: 'nightly-xxxxxxxx',
        namespace: 'team-a',
        labels: { team: 'a', 'batch.example.com/cronsequentialjob': 'nightly' },
        annotations: { b: 'c' },
      },
      spec: { steps: [{ name: 'load' }], job: { backoffLimit: 3 } },
    });
  });

  it('is made of anything', () => {
    for (const schedule of [
      undefined,
      null,
      7,
      {},
      { metadata: 'x', spec: [] },
      { spec: { sequentialJobTemplate: 1 } },
    ]) {
      expect(runOfSchedule(schedule)).toMatchObject({ metadata: { name: 'xxxxx-xxxxxxxx' } });
    }
  });
});
