/** Rules of the spec that test/golden/admission does not show by itself. */
import { expect, test } from '@jest/globals';
import { fieldsOf, ofSpec, ofStep, refusals, sequence, step } from './refusals.ts';

type Row = readonly [sentence: string, spec: Readonly<Record<string, unknown>>, fields: readonly string[]];

const labelled = (labels: object, annotations: object = {}): Row[1] => ({
  template: { metadata: { labels, annotations } },
});
const podSpec = (spec: object): Row[1] => ({ template: { spec } });
const withSettings = (settings: Row[1]): Row[1] => ({ steps: [step(settings)] });
const CONSTRAINT = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
const RULES = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] };
const metadataOf = (map: string, ...keys: readonly string[]): readonly string[] =>
  keys.map((key) => `spec.template.metadata.${map}[${key}]`);

const ROWS: readonly Row[] = [
  [
    'ordinary labels and annotations are valid',
    labelled({ app: 'x', 'app.kubernetes.io/managed-by': 'Helm' }, { 'A.example.com/b': 'c d', 'job-name': 'x' }),
    [],
  ],
  [
    'the null and empty fields that Go clients write are valid',
    {
      template: {
        metadata: { creationTimestamp: null },
        spec: { containers: null, volumes: [{ name: 'a', projected: { sources: null } }] },
      },
    },
    [],
  ],
  [
    'labels of the controllers are rejected',
    labelled({ 'batch.example.com/x': '', 'batch.kubernetes.io/job-name': '', 'controller-uid': '', 'job-name': '' }),
    metadataOf('labels', 'batch.example.com/x', 'batch.kubernetes.io/job-name', 'controller-uid', 'job-name'),
  ],
  [
    'annotations of the controllers are rejected, and those of subdomains of our domain',
    labelled(
      {},
      {
        'batch.example.com/a': '',
        'results.batch.example.com/b': '',
        'batch.kubernetes.io/c': '',
        'notbatch.example.com/d': '',
      },
    ),
    metadataOf('annotations', 'batch.example.com/a', 'results.batch.example.com/b', 'batch.kubernetes.io/c'),
  ],
  [
    'a template with ephemeral containers is rejected',
    podSpec({ ephemeralContainers: [{}] }),
    ['spec.template.spec.ephemeralContainers'],
  ],
  ['OnFailure is valid', podSpec({ restartPolicy: 'OnFailure' }), []],
  [
    'an init container with the name of a step is rejected',
    podSpec({ initContainers: [step()] }),
    ['spec.template.spec.initContainers[0].name'],
  ],
  [
    'constraints with different keys are valid',
    podSpec({ topologySpreadConstraints: [CONSTRAINT, { ...CONSTRAINT, topologyKey: 'host' }] }),
    [],
  ],
  [
    'duplicate keys are rejected',
    podSpec({
      topologySpreadConstraints: [CONSTRAINT, CONSTRAINT],
      schedulingGates: [{ name: 'a' }, { name: 'a' }],
      resourceClaims: [{ name: 'b' }, { name: 'b' }],
    }),
    [
      'spec.template.spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}',
      'spec.template.spec.schedulingGates[1]',
      'spec.template.spec.resourceClaims[1].name',
    ],
  ],
  ['a volume without a source is an emptyDir', podSpec({ volumes: [{ name: 'a' }, { name: 'b', emptyDir: {} }] }), []],
  ['a volume without a name is rejected', podSpec({ volumes: [{}] }), ['spec.template.spec.volumes[0].name']],
  [
    'a step may have the same deadline as the sequence',
    { ...withSettings({ onFailure: 'Continue', job: { activeDeadlineSeconds: 5 } }), activeDeadlineSeconds: 5 },
    [],
  ],
  [
    'a step with a longer deadline than the sequence is rejected',
    { ...withSettings({ job: { activeDeadlineSeconds: 6 } }), activeDeadlineSeconds: 5 },
    ['spec.steps[0].job.activeDeadlineSeconds'],
  ],
  [
    'the Jobs of all steps with a longer deadline than the sequence are rejected',
    { job: { activeDeadlineSeconds: 6 }, activeDeadlineSeconds: 5 },
    ['spec.job.activeDeadlineSeconds'],
  ],
  [
    'labels and annotations of the controllers are rejected in the metadata of Jobs, too',
    {
      ...withSettings({ job: { metadata: { labels: { 'job-name': '', app: 'x' } } } }),
      finally: [step({ name: 'report', job: { metadata: { annotations: { 'batch.example.com/x': '' } } } })],
      job: { metadata: { labels: { 'batch.kubernetes.io/x': '' } } },
    },
    [
      'spec.steps[0].job.metadata.labels[job-name]',
      'spec.finally[0].job.metadata.annotations[batch.example.com/x]',
      'spec.job.metadata.labels[batch.kubernetes.io/x]',
    ],
  ],
  [
    'steps of finally follow the rules of steps, and have other names than those',
    { finally: [step(), step({ name: 'report', image: 'A B' }), step({ name: 'last', when: 'Never' })] },
    ['spec.finally[2].when', 'spec.finally[0].name', 'spec.finally[1].image'],
  ],
  [
    'settings have their types',
    withSettings({ job: 'none', pod: [], onFailure: 1 }),
    ['spec.steps[0].job', 'spec.steps[0].pod', 'spec.steps[0].onFailure'],
  ],
  [
    'a podFailurePolicy for all steps requires the restart policy Never, too',
    { ...podSpec({ restartPolicy: 'OnFailure' }), job: { podFailurePolicy: RULES } },
    ['spec.template.spec.restartPolicy'],
  ],
  ['onFailure has one of two values', withSettings({ onFailure: 'Retry' }), ['spec.steps[0].onFailure']],
  [
    'a podFailurePolicy requires the restart policy Never',
    { ...podSpec({ restartPolicy: 'OnFailure' }), ...withSettings({ job: { podFailurePolicy: RULES } }) },
    ['spec.template.spec.restartPolicy'],
  ],
  ['negative counts are rejected', { job: { backoffLimit: -1 }, resume: -1 }, ['spec.job.backoffLimit', 'spec.resume']],
  ['counts above int32 are rejected', { ttlSecondsAfterFinished: 2 ** 31 }, ['spec.ttlSecondsAfterFinished']],
  ['a deadline is at least one second', { activeDeadlineSeconds: 0 }, ['spec.activeDeadlineSeconds']],
  ['numbers are integers', { job: { backoffLimit: 1.5 } }, ['spec.job.backoffLimit']],
  ['updatePolicy has one of two values', { updatePolicy: 'Any' }, ['spec.updatePolicy']],
  ['suspend is a boolean', { suspend: 'yes' }, ['spec.suspend']],
];

test.each(ROWS)('%s', (_sentence, spec, fields) => expect(fieldsOf(ofSpec(spec))).toEqual(fields));

test('the name must be valid as a label value', () => {
  const named = (metadata: object): readonly string[] =>
    fieldsOf(refusals({ ...sequence({ steps: [step()] }), metadata }));
  for (const name of ['a'.repeat(63), 'a.b']) expect(named({ name })).toEqual([]);
  expect(named({ generateName: 'a-' })).toEqual([]);
  for (const metadata of [{ name: 'a'.repeat(64) }, {}]) expect(named(metadata)).toEqual(['metadata.name']);
});

test('null counts as absent, as in an API server, except in a list or for a required field', () => {
  const nulls = { command: null, env: null, ports: null, resources: { limits: { cpu: null } }, imagePullPolicy: null };
  expect(ofStep({ ...nulls, readinessProbe: null, job: null, pod: null, onFailure: null })).toEqual([]);
  expect(ofSpec({ finally: null, job: { backoffLimit: null }, template: null })).toEqual([]);
  expect(fieldsOf(ofStep({ args: [null] }))).toEqual(['args[0]']);
  expect(fieldsOf(ofStep({ name: null }))).toEqual(['name']);
  expect(fieldsOf(ofStep({ livenessProbe: { tcpSocket: { port: null } } }))).toEqual(['livenessProbe.tcpSocket.port']);
});
