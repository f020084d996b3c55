import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { withDefaults } from '../../../shared/api/defaults.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { buildJob } from '../../../shared/jobs/job.ts';
import { run } from './memory-io.ts';

const sequence = (metadata: object, spec: object): Readonly<Record<string, unknown>> => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata,
  spec,
});

const containers = [
  { name: 'extract', image: 'busybox:1.36', args: ['yes', '0644', 'a: b\n'], ports: [{ containerPort: 80 }] },
  { name: 'load', image: 'busybox:1.36', terminationMessagePolicy: 'File' },
];

const rendered = async (...objects: readonly unknown[]): Promise<{ out: string; jobs: readonly unknown[] }> => {
  const { code, out, err } = await run('render', ['a'], { a: objects.map((one) => JSON.stringify(one)).join('\n') });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return { out, jobs: parseAllDocuments(out).map((document) => document.toJS() as unknown) };
};

const UID = '6b1f0a52-0000-4000-8000-000000000001';

test('prints the Jobs that the controller would create for the stored object', async () => {
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: { serviceAccountName: 'etl', volumes: [{ name: 'a' }] },
  };
  const object = sequence({ name: 'etl', namespace: 'team-a', uid: UID }, { containers, template, backoffLimit: 1 });
  const { jobs } = await rendered(object);
  // The schema's only default inside a container.
  const [first, ...others] = containers;
  const stored = {
    ...object,
    spec: withDefaults({
      ...({ template } as unknown as SequentialJob['spec']),
      job: { backoffLimit: 1 },
      steps: [
        { ...first, ports: [{ containerPort: 80, protocol: 'TCP' }] },
        ...others,
      ] as unknown as SequentialJob['spec']['steps'],
    }),
  } as unknown as SequentialJob;
  expect(jobs).toEqual([buildJob(stored, 0, 0), buildJob(stored, 1, 0)]);
});

test('a v1beta1 sequence has the same Jobs', async () => {
  const [first, second] = containers;
  const metadata = { name: 'etl', uid: UID };
  const stepPolicies = [{ name: 'load', backoffLimit: 1 }];
  const { out } = await rendered(sequence(metadata, { containers, stepPolicies, backoffLimit: 2 }));
  const steps = [first, { ...second, job: { backoffLimit: 1 } }];
  const spec = { steps, job: { backoffLimit: 2 } };
  const apiVersion = 'batch.example.com/v1beta1';
  expect((await rendered({ ...sequence(metadata, spec), apiVersion })).out).toBe(out);
  expect(out).toMatch(/backoffLimit: 2\n[^]*backoffLimit: 1\n/);
});

test('the settings of a step are in its Job, and those of the other steps are not', async () => {
  const pod = { serviceAccountName: 'own', initContainers: [{ name: 'fetch', image: 'busybox:1.36' }] };
  const stepPolicies = [{ name: 'load', job: { metadata: { labels: { team: 'a' } } }, pod }];
  const template = { spec: { serviceAccountName: 'all', initContainers: [{ name: 'setup', image: 'busybox:1.36' }] } };
  const { jobs } = await rendered(sequence({ name: 'etl' }, { containers, template, stepPolicies }));
  const podOf = (serviceAccountName: string, ...names: readonly string[]): object => ({
    template: { spec: { serviceAccountName, initContainers: names.map((name) => expect.objectContaining({ name })) } },
  });
  expect(jobs).toMatchObject([
    { metadata: { name: 'etl-0-extract' }, spec: podOf('all', 'setup') },
    { metadata: { name: 'etl-1-load', labels: { team: 'a' } }, spec: podOf('own', 'setup', 'fetch') },
  ]);
  expect(jobs[0]).not.toHaveProperty('metadata.labels.team');
});

test('prints the claims before the Jobs', async () => {
  const volumeMounts = [{ name: 'work', mountPath: '/work' }];
  const spec = {
    steps: [{ ...containers[1], volumeMounts }],
    volumeClaimTemplates: [{ metadata: { name: 'work' }, spec: { accessModes: ['ReadWriteOnce'] } }],
  };
  const apiVersion = 'batch.example.com/v1beta1';
  const { jobs } = await rendered({ ...sequence({ name: 'etl', uid: UID }, spec), apiVersion });
  expect(jobs).toMatchObject([
    { kind: 'PersistentVolumeClaim', metadata: { name: 'work-etl', ownerReferences: [{ uid: UID }] } },
    { kind: 'Job', spec: { template: { spec: { volumes: [{ name: 'work' }] } } } },
  ]);
});

test('values that the file does not have are marked as placeholders', async () => {
  const { out, jobs } = await rendered(sequence({ name: 'etl' }, { containers }));
  expect(out.split('---\n')[0]).toBe(
    `# The 2 Jobs of SequentialJob default/etl, each created when the one before it has completed.
# 00000000-0000-0000-0000-000000000000 stands for the UID of the SequentialJob, which the API server assigns.
# Read or check these Jobs (kubectl create --dry-run=server -f -), do not create them: the garbage collector deletes a
# Job whose owner does not exist.
`,
  );
  expect(jobs).toMatchObject([
    { metadata: { name: 'etl-0-extract', namespace: 'default' } },
    { metadata: { name: 'etl-1-load', ownerReferences: [{ uid: expect.stringMatching(/^0{8}-/) }] } },
  ]);
});

test('a generateName gets a placeholder within the length limit', async () => {
  const { out, jobs } = await rendered(sequence({ generateName: `${'a'.repeat(62)}-` }, { containers }));
  expect(out).toContain('# xxxxx stands for the random suffix of generateName.\n');
  expect(jobs).toMatchObject([
    { metadata: { labels: { 'batch.example.com/sequentialjob': `${'a'.repeat(58)}xxxxx` } } },
    {},
  ]);
});

test('unknown fields are pruned from the Jobs, with a warning', async () => {
  const object = sequence({ name: 'etl' }, { containers: [{ ...containers[1], imagePullPolcy: 'Always' }] });
  const { code, out, err } = await run('render', ['a'], { a: JSON.stringify(object) });
  expect(code).toBe(0);
  expect(out).not.toContain('imagePullPolcy');
  expect(err).toMatch(/^a:1:\d+: warning: unknown field "spec.containers\[0\].imagePullPolcy"\n$/);
});

test('every sequence of the file is rendered, in order, and no other object', async () => {
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' } };
  const { jobs } = await rendered(
    sequence({ name: 'b' }, { containers }),
    config,
    sequence({ name: 'a' }, { containers }),
  );
  expect(jobs.map((job) => (job as SequentialJob).metadata.name)).toEqual([
    'b-0-extract',
    'b-1-load',
    'a-0-extract',
    'a-1-load',
  ]);
});

describe('refused', () => {
  test('if one sequence has an error, no Job is printed, and the message is that of lint', async () => {
    const bad = sequence({ name: 'bad' }, { containers: [{ name: 'load', image: 'UPPER' }] });
    const text = [sequence({ name: 'good' }, { containers }), bad].map((one) => JSON.stringify(one)).join('\n');
    expect(await run('render', ['a'], { a: text })).toEqual({
      code: 1,
      out: '',
      err: `a:2:${JSON.stringify(bad).indexOf('"image"') + 1}: document 2: spec.containers[0].image: Invalid value: "UPPER": invalid reference format: repository name (UPPER) must be lowercase\n`,
    });
  });

  test.each([
    ['broken YAML', 'a: [', /^a:1:\d: YAML: /],
    ['no sequence', 'kind: Job\n', /^sequentialjob: a: no SequentialJob in it\n$/],
  ])('%s', async (_sentence, text, err) => {
    expect(await run('render', ['a'], { a: text })).toEqual({ code: 1, out: '', err: expect.stringMatching(err) });
  });

  test('a missing file', async () => {
    expect(await run('render', ['a'], {})).toEqual({ code: 2, out: '', err: 'sequentialjob: a: no such file\n' });
  });

  test.each([
    [[], "missing required argument 'FILE'"],
    [['a', 'b'], "too many arguments for 'render'. Expected 1 argument but got 2: a, b."],
    [['a', '--format=json'], "unknown option '--format=json'"],
    [['a', '-n', 'x'], "unknown option '--namespace'"],
  ])('%j', async (args, problem) => {
    expect(await run('render', args, {})).toEqual({ code: 2, out: '', err: `sequentialjob: ${problem}\n` });
  });
});
