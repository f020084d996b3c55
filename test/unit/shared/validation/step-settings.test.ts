/** The Pod settings of a step follow the rules of the template's Pod, in the Pod that they make with it. */
import { describe, expect, it, test } from '@jest/globals';
import { validateSpec, warningsFor } from '../../../../shared/validation/index.ts';
import { fieldsOf, ofPod, ofSpec, sequence, step } from './refusals.ts';

type Json = Readonly<Record<string, unknown>>;

const TEMPLATE = {
  spec: {
    initContainers: [step({ name: 'setup' })],
    volumes: [{ name: 'data' }],
    resourceClaims: [{ name: 'gpu', resourceClaimName: 'x' }],
  },
};

/** What is wrong with the `pod` of the first of two steps; paths from there on. */
const ofSettings = (pod: Json): readonly string[] =>
  ofSpec({
    steps: [step({ pod }), step({ name: 'other' })],
    finally: [step({ name: 'report' })],
    template: TEMPLATE,
  }).map((line) => line.replaceAll('spec.steps[0].pod.', ''));

const init = (changes: Json = {}): Json => step({ name: 'own', ...changes });

test.each<readonly [sentence: string, pod: Json, lines: readonly string[]]>([
  ['an init container', { initContainers: [init()] }, []],
  [
    'a sidecar',
    { initContainers: [init({ restartPolicy: 'Always', startupProbe: { exec: { command: ['x'] } } })] },
    [],
  ],
  [
    'a mount of a volume of the template',
    { initContainers: [init({ volumeMounts: [{ name: 'data', mountPath: '/a' }] })] },
    [],
  ],
  [
    'a mount of a volume that the template does not have',
    { initContainers: [init({ volumeMounts: [{ name: 'typo', mountPath: '/a' }] })] },
    ['initContainers[0].volumeMounts[0].name: Not found: "typo"'],
  ],
  [
    'the name of a step',
    { initContainers: [init({ name: 'load' })] },
    ['initContainers[0].name: Duplicate value: "load"'],
  ],
  [
    'the name of another step',
    { initContainers: [init({ name: 'other' })] },
    ['initContainers[0].name: Duplicate value: "other"'],
  ],
  [
    'the name of a step of finally',
    { initContainers: [init({ name: 'report' })] },
    ['initContainers[0].name: Duplicate value: "report"'],
  ],
  [
    'the name of an init container of the template',
    { initContainers: [init({ name: 'setup' })] },
    ['initContainers[0].name: Duplicate value: "setup"'],
  ],
  ['a name twice', { initContainers: [init(), init()] }, ['initContainers[1].name: Duplicate value: "own"']],
  ['no name', { initContainers: [{ image: 'busybox:1.36' }] }, ['initContainers[0].name: Required value']],
  ['no image', { initContainers: [{ name: 'own' }] }, ['initContainers[0].image: Required value']],
  [
    'a variable with two values',
    {
      initContainers: [
        init({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
      ],
    },
    ['initContainers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'a request above its limit',
    { initContainers: [init({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } })] },
    ['initContainers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  ],
  ['other claims than the template', { resourceClaims: [{ name: 'nic' }] }, []],
  [
    'a claim of the template',
    { resourceClaims: [{ name: 'nic' }, { name: 'gpu' }] },
    ['resourceClaims[1].name: Duplicate value: "gpu"'],
  ],
  [
    'a claim twice',
    { resourceClaims: [{ name: 'nic' }, { name: 'nic' }] },
    ['resourceClaims[1].name: Duplicate value: "nic"'],
  ],
  ['a restart policy', { restartPolicy: 'OnFailure' }, []],
  [
    'a restart policy with which no Pod ends',
    { restartPolicy: 'Always' },
    ['restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'],
  ],
  [
    'nothing, in the ways of Go clients',
    { metadata: { labels: null }, restartPolicy: '', initContainers: null, tolerations: [], affinity: null },
    [],
  ],
])('%s', (_sentence, pod, lines) => expect(ofSettings(pod)).toEqual(lines));

describe('what the rules say of a list', () => {
  it.each<readonly [string, Json]>([
    [
      'of init containers',
      {
        initContainers: [
          init({ name: 'A B', image: 'A B', ports: [{ containerPort: 0 }] }),
          init({ livenessProbe: {} }),
          init(),
        ],
      },
    ],
    ['of resource claims', { resourceClaims: [{ name: 'a' }, { name: 'a' }, {}] }],
  ])('%s is the same for the template and for a step', (_says, spec) => {
    const lines = ofPod(spec);
    expect(lines.length).toBeGreaterThan(0);
    expect(ofSettings(spec)).toEqual(lines);
  });
});

test('the init containers of two steps may have the same name', () => {
  const pod = { initContainers: [init()] };
  expect(ofSpec({ steps: [step({ pod }), step({ name: 'b', pod })], finally: [step({ name: 'c', pod })] })).toEqual([]);
});

test('errors are reported under the step, those of finally too, in the order of the steps', () => {
  const pod = { metadata: { labels: { 'job-name': 'x' } }, initContainers: [init({ name: 'load' })] };
  const steps = [step({ pod }), step({ name: 'b', job: { activeDeadlineSeconds: 9 } })];
  // The deadline of the sequence does not cover the steps of finally.
  const last = [step({ name: 'c', pod, job: { activeDeadlineSeconds: 9 } })];
  const spec = { steps, finally: last, activeDeadlineSeconds: 5 };
  expect(fieldsOf(ofSpec(spec))).toEqual([
    'spec.steps[0].pod.metadata.labels[job-name]',
    'spec.steps[0].pod.initContainers[0].name',
    'spec.steps[1].job.activeDeadlineSeconds',
    'spec.finally[0].pod.metadata.labels[job-name]',
    'spec.finally[0].pod.initContainers[0].name',
  ]);
});

test('an error of the template is reported once, whatever the steps add', () => {
  const steps = ['a', 'b', 'c'].map((name) =>
    step({ name, pod: { initContainers: [init()], resourceClaims: [{ name }] } }),
  );
  const template = {
    spec: { initContainers: [init({ name: 'setup', image: 'A B' })], resourceClaims: [{ name: 'x' }, { name: 'x' }] },
  };
  expect(fieldsOf(ofSpec({ steps, template }))).toEqual([
    'spec.template.spec.initContainers[0].image',
    'spec.template.spec.resourceClaims[1].name',
  ]);
});

test('the template is read once for a thousand steps with settings', () => {
  let reads = 0;
  const claims = Array.from({ length: 100 }, (_, i) =>
    Object.defineProperty({}, 'name', { enumerable: true, get: () => (reads++, `claim-${i}`) }),
  );
  const withSteps = (count: number): number => {
    reads = 0;
    const steps = Array.from({ length: count }, (_, i) =>
      step({ name: `s${i}`, pod: { resourceClaims: [{ name: 'own' }] } }),
    );
    expect(validateSpec({ steps, template: { spec: { resourceClaims: claims } } })).toEqual([]);
    return reads;
  };
  expect(withSteps(1000)).toBe(withSteps(1));
});

describe('warnings', () => {
  const pathsOf = (spec: Json): readonly string[] =>
    warningsFor(sequence(spec)).map((line) => line.split(': ')[0] ?? '');

  it('are about the init containers of a step, after its own container', () => {
    const pod = { initContainers: [init({ image: 'busybox:latest', securityContext: { privileged: true } })] };
    const spec = {
      steps: [step({ image: 'busybox', pod }), step({ name: 'b', image: 'busybox' })],
      finally: [step({ name: 'c', pod })],
    };
    expect(pathsOf(spec)).toEqual([
      'spec.steps[0].image',
      'spec.steps[0].pod.initContainers[0].image',
      'spec.steps[0].pod.initContainers[0].securityContext.privileged',
      'spec.steps[1].image',
      'spec.finally[0].pod.initContainers[0].image',
      'spec.finally[0].pod.initContainers[0].securityContext.privileged',
    ]);
  });

  const volumeMounts = [{ name: 'data', mountPath: '/a' }];
  const template = { spec: { volumes: [{ name: 'data', emptyDir: {} }] } };

  it.each<readonly [string, Json, readonly string[]]>([
    [
      'one step mounts twice',
      { steps: [step({ volumeMounts, pod: { initContainers: [init({ volumeMounts })] } }), step({ name: 'b' })] },
      [],
    ],
    [
      'one step mounts, and an init container of another',
      { steps: [step({ volumeMounts }), step({ name: 'b', pod: { initContainers: [init({ volumeMounts })] } })] },
      ['spec.template.spec.volumes[0].emptyDir'],
    ],
  ])('are about an emptyDir that %s', (_says, spec, paths) => expect(pathsOf({ ...spec, template })).toEqual(paths));
});
