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

const withClaims = (...metadata: readonly object[]) => ({
  volumeClaimTemplates: metadata.map((one) => ({ metadata: one, spec: {} })),
});
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
    ['spec.finally[0].name', 'spec.finally[1].image', 'spec.finally[2].when'],
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
  [
    'a podFailurePolicy requires the restart policy Never of the step, too',
    withSettings({ job: { podFailurePolicy: RULES }, pod: { restartPolicy: 'OnFailure' } }),
    ['spec.steps[0].pod.restartPolicy'],
  ],
  [
    'a podFailurePolicy for all steps requires the restart policy Never of each, those of finally too',
    {
      steps: [step(), step({ name: 'b', pod: { restartPolicy: 'OnFailure' } }), step({ name: 'c', pod: {} })],
      finally: [step({ name: 'report', pod: { restartPolicy: 'OnFailure' } })],
      job: { podFailurePolicy: RULES },
    },
    ['spec.steps[1].pod.restartPolicy', 'spec.finally[0].pod.restartPolicy'],
  ],
  [
    'the restart policy of a step replaces that of the template',
    {
      ...podSpec({ restartPolicy: 'OnFailure' }),
      steps: [step({ job: { podFailurePolicy: RULES }, pod: { restartPolicy: 'Never' } }), step({ name: 'b' })],
    },
    [],
  ],
  [
    'a podFailurePolicy for all steps is valid if each has the restart policy Never itself',
    {
      ...podSpec({ restartPolicy: 'OnFailure' }),
      ...withSettings({ pod: { restartPolicy: 'Never' } }),
      job: { podFailurePolicy: RULES },
    },
    [],
  ],
  [
    'a step without a restart policy of its own has that of the template, also a step of finally',
    {
      ...podSpec({ restartPolicy: 'OnFailure' }),
      ...withSettings({ pod: { restartPolicy: 'Never' } }),
      finally: [step({ name: 'report', job: { podFailurePolicy: null }, pod: { restartPolicy: '' } })],
      job: { podFailurePolicy: RULES },
    },
    ['spec.template.spec.restartPolicy'],
  ],
  [
    'OnFailure of a step without a podFailurePolicy is valid',
    {
      steps: [
        step({ pod: { restartPolicy: 'OnFailure' } }),
        step({ name: 'b', job: { podFailurePolicy: RULES }, pod: null }),
      ],
    },
    [],
  ],
  [
    'labels and annotations of the controllers are rejected in the metadata of Pods, too',
    {
      ...withSettings({ pod: { metadata: { labels: { 'job-name': '', app: 'x' }, annotations: { 'job-name': '' } } } }),
      finally: [step({ name: 'report', pod: { metadata: { annotations: { 'results.batch.example.com/x': '' } } } })],
    },
    [
      'spec.steps[0].pod.metadata.labels[job-name]',
      'spec.finally[0].pod.metadata.annotations[results.batch.example.com/x]',
    ],
  ],
  [
    'steps, those of finally and init containers mount claims by the name of the template',
    {
      ...withClaims({ name: 'work' }, { name: 'disk' }),
      steps: [
        step({
          volumeMounts: [{ name: 'work', mountPath: '/a' }],
          volumeDevices: [{ name: 'disk', devicePath: '/b' }],
        }),
      ],
      finally: [step({ name: 'report', volumeMounts: [{ name: 'work-etl', mountPath: '/a' }] })],
      ...podSpec({ initContainers: [step({ name: 'init', volumeMounts: [{ name: 'work', mountPath: '/a' }] })] }),
    },
    ['spec.finally[0].volumeMounts[0].name'],
  ],
  [
    'claims have names of volumes, different from each other and from the volumes of the template',
    {
      ...withClaims({ name: 'a.b' }, { name: 'work' }, { name: 'work' }, { name: 'data' }, { name: '' }),
      ...podSpec({ volumes: [{ name: 'data' }] }),
    },
    [
      'spec.volumeClaimTemplates[0].metadata.name',
      'spec.volumeClaimTemplates[2].metadata.name',
      'spec.volumeClaimTemplates[3].metadata.name',
      'spec.volumeClaimTemplates[4].metadata.name',
    ],
  ],
  [
    'labels and annotations of the controllers are rejected in claims, too',
    withClaims({
      name: 'work',
      labels: { 'batch.example.com/sequentialjob-uid': '', app: 'x' },
      annotations: { 'batch.example.com/claim-template': '' },
    }),
    [
      'spec.volumeClaimTemplates[0].metadata.labels[batch.example.com/sequentialjob-uid]',
      'spec.volumeClaimTemplates[0].metadata.annotations[batch.example.com/claim-template]',
    ],
  ],
  ['what else a claim has is left to the API server', withClaims({ name: 'work' }), []],
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
