import { expect, test } from '@jest/globals';
import { ofPod, ofSpec, ofStep, refusals, sequence, step, type Row } from './refusals.ts';

const TEMPLATES: readonly Row[] = [
  [
    'ordinary labels and annotations are legal',
    {
      metadata: {
        labels: { app: 'x', 'app.kubernetes.io/managed-by': 'Helm' },
        annotations: { 'A.example.com/b': 'c d' },
      },
    },
    [],
  ],
  [
    'what Go clients write is legal',
    {
      metadata: { creationTimestamp: null },
      spec: { containers: null, volumes: [{ name: 'a', projected: { sources: null } }] },
    },
    [],
  ],
  [
    'reserved labels are refused',
    {
      metadata: {
        labels: { 'batch.example.com/x': '', 'batch.kubernetes.io/job-name': '', 'controller-uid': '', 'job-name': '' },
      },
    },
    [
      'spec.template.metadata.labels[batch.example.com/x]: Forbidden: labels under "batch.example.com/" are set by the controllers',
      'spec.template.metadata.labels[batch.kubernetes.io/job-name]: Forbidden: labels under "batch.kubernetes.io/" are set by the controllers',
      'spec.template.metadata.labels[controller-uid]: Forbidden: is set by the Job controller',
      'spec.template.metadata.labels[job-name]: Forbidden: is set by the Job controller',
    ],
  ],
  [
    'so are reserved annotations, below our own domain as well',
    {
      metadata: {
        annotations: {
          'batch.example.com/outcome': '',
          'results.batch.example.com/load': '',
          'batch.kubernetes.io/x': '',
          'job-name': 'legal',
          'notbatch.example.com/x': 'legal',
        },
      },
    },
    [
      'spec.template.metadata.annotations[batch.example.com/outcome]: Forbidden: annotations under "batch.example.com/" are set by the controllers',
      'spec.template.metadata.annotations[results.batch.example.com/load]: Forbidden: annotations under "results.batch.example.com/" are set by the controllers',
      'spec.template.metadata.annotations[batch.kubernetes.io/x]: Forbidden: annotations under "batch.kubernetes.io/" are set by the controllers',
    ],
  ],
  [
    'a template has no containers',
    { spec: { containers: [step()] } },
    ['spec.template.spec.containers: Forbidden: the containers are the steps in spec.containers'],
  ],
  [
    'a template has no ephemeral containers',
    { spec: { ephemeralContainers: [{}] } },
    ['spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
  ],
  ['OnFailure is legal', { spec: { restartPolicy: 'OnFailure' } }, []],
  [
    'Always is not',
    { spec: { restartPolicy: 'Always' } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'],
  ],
  [
    'an init container has no name of a step',
    { spec: { initContainers: [step()] } },
    ['spec.template.spec.initContainers[0].name: Duplicate value: "load"'],
  ],
];

const CONSTRAINT = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };

const SCHEDULING: readonly Row[] = [
  [
    'keys that differ are legal',
    { topologySpreadConstraints: [CONSTRAINT, { ...CONSTRAINT, topologyKey: 'host' }] },
    [],
  ],
  [
    'keys come once',
    {
      topologySpreadConstraints: [CONSTRAINT, CONSTRAINT],
      schedulingGates: [{ name: 'a' }, { name: 'a' }],
      resourceClaims: [{ name: 'b' }, { name: 'b' }],
    },
    [
      'topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
      'schedulingGates[1]: Duplicate value: "a"',
      'resourceClaims[1].name: Duplicate value: "b"',
    ],
  ],
];

const VOLUMES: readonly Row[] = [
  ['a volume without a source is an emptyDir', { volumes: [{ name: 'a' }, { name: 'b', emptyDir: {} }] }, []],
  ['names come once', { volumes: [{ name: 'a' }, { name: 'a' }] }, ['volumes[1].name: Duplicate value: "a"']],
  ['a name is required', { volumes: [{}] }, ['volumes[0].name: Required value']],
];

const POLICIES: readonly Row[] = [
  [
    'a policy for a step is legal',
    {
      stepPolicies: [{ name: 'load', backoffLimit: 0, onFailure: 'Continue', activeDeadlineSeconds: 5 }],
      activeDeadlineSeconds: 5,
    },
    [],
  ],
  ['its step must exist', { stepPolicies: [{ name: 'lode' }] }, ['spec.stepPolicies[0].name: Not found: "lode"']],
  [
    'a step has one policy',
    { stepPolicies: [{ name: 'load' }, { name: 'load' }] },
    ['spec.stepPolicies[1].name: Duplicate value: "load"'],
  ],
  ['a name is required', { stepPolicies: [{}] }, ['spec.stepPolicies[0].name: Required value']],
  [
    "a step's deadline is not above the sequence's",
    { stepPolicies: [{ name: 'load', activeDeadlineSeconds: 6 }], activeDeadlineSeconds: 5 },
    [
      'spec.stepPolicies[0].activeDeadlineSeconds: Invalid value: 6: must be less than or equal to spec.activeDeadlineSeconds of 5',
    ],
  ],
  [
    'onFailure is one of two',
    { stepPolicies: [{ name: 'load', onFailure: 'Retry' }] },
    ['spec.stepPolicies[0].onFailure: Unsupported value: "Retry": supported values: "Continue", "Stop"'],
  ],
  [
    'a podFailurePolicy needs the restart policy Never',
    {
      template: { spec: { restartPolicy: 'OnFailure' } },
      stepPolicies: [
        {
          name: 'load',
          podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] },
        },
      ],
    },
    [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
];

const FIELDS: readonly Row[] = [
  [
    'counts are not negative',
    { backoffLimit: -1, resume: -1 },
    [
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.resume: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'counts fit an int32',
    { ttlSecondsAfterFinished: 2 ** 31 },
    ['spec.ttlSecondsAfterFinished: Invalid value: 2147483648: must be less than or equal to 2147483647'],
  ],
  [
    'a deadline is at least a second',
    { activeDeadlineSeconds: 0 },
    ['spec.activeDeadlineSeconds: Invalid value: 0: must be greater than or equal to 1'],
  ],
  [
    'numbers are whole',
    { backoffLimit: 1.5 },
    ['spec.backoffLimit: Invalid value: "number": spec.backoffLimit in body must be of type integer: "number"'],
  ],
  [
    'the update policy is one of two',
    { updatePolicy: 'Any' },
    ['spec.updatePolicy: Unsupported value: "Any": supported values: "FutureSteps", "Immutable"'],
  ],
  [
    'suspend is a boolean',
    { suspend: 'yes' },
    ['spec.suspend: Invalid value: "string": spec.suspend in body must be of type boolean: "string"'],
  ],
];

test.each(TEMPLATES)('template: %s', (_sentence, template, lines) => expect(ofSpec({ template })).toEqual(lines));
test.each(VOLUMES)('volumes: %s', (_sentence, pod, lines) => expect(ofPod(pod)).toEqual(lines));
test.each(SCHEDULING)('scheduling: %s', (_sentence, pod, lines) => expect(ofPod(pod)).toEqual(lines));
test.each(POLICIES)('step policies: %s', (_sentence, spec, lines) => expect(ofSpec(spec)).toEqual(lines));
test.each(FIELDS)('fields: %s', (_sentence, spec, lines) => expect(ofSpec(spec)).toEqual(lines));

test('the name fits a label', () => {
  const named = (metadata: object): readonly string[] => refusals({ ...sequence({ containers: [step()] }), metadata });
  expect(named({ name: 'a'.repeat(63) })).toEqual([]);
  expect(named({ name: 'a.b' })).toEqual([]);
  expect(named({ generateName: 'a-' })).toEqual([]);
  expect(named({ name: 'a'.repeat(64) })).toEqual(['metadata.name: Too long: may not be more than 63 bytes']);
  expect(named({})).toEqual(['metadata.name: Required value: name or generateName is required']);
});

test('five faults are reported at once, in the order of the object', () => {
  const spec = {
    stepPolicies: [{ name: 'x' }],
    backoffLimit: 'many',
    template: { spec: { restartPolicy: 'Always' } },
    containers: [step(), step({ image: 'UPPER' })],
  };
  expect(refusals(sequence(spec))).toEqual([
    'spec.containers[1].name: Duplicate value: "load"',
    'spec.containers[1].image: Invalid value: "UPPER": invalid reference format: repository name (UPPER) must be lowercase',
    'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"',
    'spec.backoffLimit: Invalid value: "string": spec.backoffLimit in body must be of type integer: "string"',
    'spec.stepPolicies[0].name: Not found: "x"',
  ]);
});

test('a null is absent, as to an API server, but in a list, and where something is required', () => {
  const nulls = { command: null, env: null, ports: null, resources: { limits: { cpu: null } }, imagePullPolicy: null };
  expect(ofStep({ ...nulls, readinessProbe: null, securityContext: null })).toEqual([]);
  expect(ofSpec({ stepPolicies: null, backoffLimit: null, template: null })).toEqual([]);
  expect(ofStep({ args: [null] })).toEqual([
    'args[0]: Invalid value: "null": args[0] in body must be of type string: "null"',
  ]);
  expect(ofStep({ name: null })).toEqual(['name: Required value']);
  expect(ofStep({ livenessProbe: { tcpSocket: { port: null } } })).toEqual([
    'livenessProbe.tcpSocket.port: Required value',
  ]);
  expect(refusals(sequence({ containers: null }))).toEqual(['spec.containers: Required value']);
});
