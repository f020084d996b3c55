import { expect, test } from '@jest/globals';
import { ofPod, ofSpec, refusals, sequence, step, type Row } from './refusals.ts';

const KEY =
  "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

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
    'keys and values of labels are checked',
    {
      metadata: { labels: { 'a b': 'c d', '/x': '' }, annotations: { 'a b': '' } },
      spec: { nodeSelector: { a: '-' } },
    },
    [
      `spec.template.metadata.labels: Invalid value: "a b": name part must ${KEY}`,
      `spec.template.metadata.labels: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      'spec.template.metadata.labels: Invalid value: "/x": prefix part must be non-empty',
      `spec.template.metadata.annotations: Invalid value: "a b": name part must ${KEY}`,
      `spec.template.spec.nodeSelector: Invalid value: "-": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
    ],
  ],
  [
    'annotations have a limit',
    { metadata: { annotations: { a: 'x'.repeat(2 ** 18) } } },
    ['spec.template.metadata.annotations: Too long: may not be more than 262144 bytes'],
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
  [
    'one source suffices',
    { volumes: [{ name: 'a', emptyDir: {}, hostPath: { path: '/' } }] },
    ['volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'sources name what they read',
    {
      volumes: [
        { name: 'a', configMap: {} },
        { name: 'b', secret: {} },
        { name: 'c', persistentVolumeClaim: { claimName: '' } },
        { name: 'd', hostPath: { path: '/a/..' } },
      ],
    },
    [
      'volumes[0].configMap.name: Required value',
      'volumes[1].secret.secretName: Required value',
      'volumes[2].persistentVolumeClaim.claimName: Required value',
      `volumes[3].hostPath.path: Invalid value: "/a/..": must not contain '..'`,
    ],
  ],
];

const exitCodes = (onExitCodes: object): object => ({ rules: [{ action: 'FailJob', onExitCodes }] });

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
      stepPolicies: [{ name: 'load', podFailurePolicy: exitCodes({ operator: 'In', values: [1] }) }],
    },
    [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ],
  ],
  [
    'its rules are those of a Job',
    {
      stepPolicies: [
        {
          name: 'load',
          podFailurePolicy: {
            rules: [
              { action: 'FailIndex' },
              {
                action: 'Ignore',
                onPodConditions: [{ type: 'DisruptionTarget' }, { type: '', status: 'True' }],
                onExitCodes: { containerName: 'other', operator: 'In', values: [2, 0, 2] },
              },
              { action: 'Count', onExitCodes: { operator: 'NotIn', values: [] } },
            ],
          },
        },
      ],
    },
    [
      'spec.stepPolicies[0].podFailurePolicy.rules[0].action: Unsupported value: "FailIndex": supported values: "Count", "FailJob", "Ignore"',
      'spec.stepPolicies[0].podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.stepPolicies[0].podFailurePolicy.rules[1].onExitCodes.containerName: Invalid value: "other": must be one of the container or initContainer names in the pod template',
      'spec.stepPolicies[0].podFailurePolicy.rules[1].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator',
      'spec.stepPolicies[0].podFailurePolicy.rules[1].onExitCodes.values[2]: Duplicate value: 2',
      'spec.stepPolicies[0].podFailurePolicy.rules[1].onExitCodes.values: Invalid value: must be ordered',
      'spec.stepPolicies[0].podFailurePolicy.rules[1].onPodConditions[1].type: Invalid value: "": name part must be non-empty',
      'spec.stepPolicies[0].podFailurePolicy.rules[1]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported',
      'spec.stepPolicies[0].podFailurePolicy.rules[2].onExitCodes.values: Invalid value: at least one value is required',
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
