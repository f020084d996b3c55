/** Admission of new objects as a user meets it: kubectl, a real API server, the webhook behind it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { connect, kubectl, Namespace, tryKubectl, type CommandResult } from '../support/cluster.ts';
import { serverOfTests } from '../support/server-features.ts';

const SAMPLES = join(import.meta.dirname, '../../config/samples');

type Json = Readonly<Record<string, unknown>>;

const { validatesStrictly } = await serverOfTests();
let client: ApiClient;
let namespace: Namespace;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'admission');
});

// Nothing runs here, and nobody takes the finalizers away.
afterAll(async () => {
  const patch = '{"metadata":{"finalizers":null}}';
  const { items } = await client.request<{ items: readonly SequentialJob[] }>({
    method: 'GET',
    path: collectionPath(SEQUENTIAL_JOBS, namespace.name),
  });
  for (const { metadata } of items) {
    await kubectl('patch', 'sj', metadata.name, '-n', namespace.name, '--type=merge', '-p', patch);
  }
  await namespace.remove();
  await client.close();
});

const step = (name: string): Json => ({ name, image: 'busybox:1.36' });
const STEP = step('load');

const sequentialJob = (name: string, spec: Json): Json => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name },
  spec,
});

const apply = (object: object, ...flags: readonly string[]): Promise<CommandResult> =>
  tryKubectl(['apply', '-n', namespace.name, ...flags, '-f', '-'], object);

/** What kubectl prints of a refusal with these faults. */
function refusal(name: string, faults: readonly string[]): CommandResult {
  const [first = '', ...others] = faults;
  const list = others.length === 0 ? first : `\n${faults.map((fault) => `* ${fault}`).join('\n')}`;
  return { code: 1, stdout: '', stderr: `The SequentialJob "${name}" is invalid: ${list}\n` };
}

async function exists(name: string): Promise<boolean> {
  try {
    await namespace.get(name);
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

const volumes = [
  { name: 'data', emptyDir: {} },
  { name: 'disk', emptyDir: {} },
];
const fieldRef = { fieldPath: 'metadata.name' };

/** A spec of one step, with two volumes at hand. */
const oneStep = (changes: Json): Json => ({ containers: [{ ...STEP, ...changes }], template: { spec: { volumes } } });

/** Every kind of refusal, and every word of it. */
const REFUSED: readonly (readonly [kind: string, spec: Json, faults: readonly string[]])[] = [
  ['no steps', { containers: [] }, ['spec.containers: Required value']],
  [
    'names of steps',
    { containers: ['Load', 'a.b', 'a'.repeat(64)].map((name) => step(name)) },
    [
      `spec.containers[0].name: Invalid value: "Load": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
      'spec.containers[1].name: Invalid value: "a.b": must not contain dots',
      `spec.containers[2].name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 bytes`,
    ],
  ],
  [
    'names given twice',
    { containers: [STEP, STEP], template: { spec: { initContainers: [STEP] } } },
    [
      'spec.containers[1].name: Duplicate value: "load"',
      'spec.template.spec.initContainers[0].name: Duplicate value: "load"',
    ],
  ],
  [
    'images',
    { containers: [{ name: 'a' }, { name: 'b', image: 'a b' }, { name: 'c', image: 'example.com/Upper:1' }] },
    [
      'spec.containers[0].image: Required value',
      'spec.containers[1].image: Invalid value: "a b": invalid reference format',
      'spec.containers[2].image: Invalid value: "example.com/Upper:1": invalid reference format: repository name (Upper) must be lowercase',
    ],
  ],
  [
    'volume mounts',
    oneStep({
      volumeMounts: [
        { name: 'nope', mountPath: '/a' },
        { name: 'data', mountPath: '/b' },
        { name: 'disk', mountPath: '/b' },
      ],
    }),
    [
      'spec.containers[0].volumeMounts[0].name: Not found: "nope"',
      'spec.containers[0].volumeMounts[2].mountPath: Invalid value: "/b": must be unique',
    ],
  ],
  [
    'variables',
    oneStep({
      env: [
        { name: 'A=1', value: 'x' },
        { name: 'B', value: 'x', valueFrom: { fieldRef } },
        { name: 'C', valueFrom: { fieldRef, secretKeyRef: { name: 's', key: 'k' } } },
        { name: 'D', valueFrom: {} },
      ],
    }),
    [
      `spec.containers[0].env[0].name: Invalid value: "A=1": a valid environment variable name must consist only of printable ASCII characters other than '='`,
      'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      'spec.containers[0].env[2].valueFrom: Invalid value: "": may not have more than one field specified at a time',
      'spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ],
  ],
  [
    'ports',
    oneStep({
      ports: [
        { containerPort: 0 },
        { containerPort: 80, name: 'http' },
        { containerPort: 81, name: 'http' },
        { containerPort: 70_000 },
      ],
    }),
    [
      'spec.containers[0].ports[0].containerPort: Required value',
      'spec.containers[0].ports[2].name: Duplicate value: "http"',
      'spec.containers[0].ports[3].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
  ],
  [
    'resources',
    oneStep({ resources: { requests: { cpu: '2', memory: '-1Gi' }, limits: { cpu: '1' } } }),
    [
      'spec.containers[0].resources.requests[memory]: Invalid value: "-1Gi": must be greater than or equal to 0',
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ],
  ],
  [
    'quantities',
    oneStep({ resources: { limits: { cpu: 'one' } } }),
    [
      `spec.containers[0].resources.limits[cpu]: Invalid value: "one": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
    ],
  ],
  [
    'probes and handlers',
    oneStep({
      lifecycle: { preStop: {} },
      livenessProbe: {},
      readinessProbe: { exec: { command: ['true'] }, tcpSocket: { port: 80 } },
    }),
    [
      'spec.containers[0].lifecycle.preStop: Required value: must specify a handler type',
      'spec.containers[0].livenessProbe: Required value: must specify a handler type',
      'spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
    ],
  ],
  [
    'the restart policy',
    { containers: [STEP], template: { spec: { restartPolicy: 'Always' } } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"'],
  ],
  [
    'the restart policy beside a Pod failure policy',
    {
      containers: [STEP],
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
  [
    "labels that are not the user's",
    { containers: [STEP], template: { metadata: { labels: { 'batch.example.com/x': 'y', 'job-name': 'z' } } } },
    [
      'spec.template.metadata.labels[batch.example.com/x]: Forbidden: labels under "batch.example.com/" are set by the controllers',
      'spec.template.metadata.labels[job-name]: Forbidden: is set by the Job controller',
    ],
  ],
  [
    'step policies',
    {
      containers: [STEP],
      activeDeadlineSeconds: 60,
      stepPolicies: [{ name: 'load', activeDeadlineSeconds: 61 }, { name: 'load' }, { name: 'other' }],
    },
    [
      'spec.stepPolicies[0].activeDeadlineSeconds: Invalid value: 61: must be less than or equal to spec.activeDeadlineSeconds of 60',
      'spec.stepPolicies[1].name: Duplicate value: "load"',
      'spec.stepPolicies[2].name: Not found: "other"',
    ],
  ],
  [
    'what the schema has a limit or a list for, too',
    {
      containers: [STEP],
      backoffLimit: -1,
      activeDeadlineSeconds: 0,
      ttlSecondsAfterFinished: -5,
      updatePolicy: 'Any',
      resume: -1,
    },
    [
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.activeDeadlineSeconds: Invalid value: 0: must be greater than or equal to 1',
      'spec.ttlSecondsAfterFinished: Invalid value: -5: must be greater than or equal to 0',
      'spec.updatePolicy: Unsupported value: "Any": supported values: "FutureSteps", "Immutable"',
      'spec.resume: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
];

/** Of the kinds that a schema sees and those that it does not: the API server alone would tell of the former only. */
const MIXED = {
  containers: [
    STEP,
    { ...STEP, image: 'a b' },
    { name: 'Load', image: 'busybox:1.36', volumeMounts: [{ name: 'nope', mountPath: '/a' }] },
  ],
  backoffLimit: -1,
};

/** What is said against them, after what is said against the first two. */
const MIXED_FAULTS = [
  'spec.containers[1].image: Invalid value: "a b": invalid reference format',
  `spec.containers[2].name: Invalid value: "Load": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  'spec.containers[2].volumeMounts[0].name: Not found: "nope"',
  'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
];

describe('an object with faults', () => {
  it('has all five of the sample printed, each with its path', async () => {
    const said = await tryKubectl(['apply', '-n', namespace.name, '-f', join(SAMPLES, 'invalid.yaml')]);
    expect(said).toEqual(
      refusal('invalid', [
        'spec.containers[0].image: Invalid value: "registry.example.com/Fetch:1.4": invalid reference format: repository name (Fetch) must be lowercase',
        'spec.containers[1].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        'spec.containers[1].volumeMounts[0].name: Not found: "data"',
        'spec.containers[2].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
        'spec.stepPolicies[0].name: Not found: "upload"',
      ]),
    );
    expect(await exists('invalid')).toBe(false);
  });

  it.each(REFUSED)('is refused inline, in one message: %s', async (_kind, spec, faults) => {
    expect(await apply(sequentialJob('faulty', spec))).toEqual(refusal('faulty', faults));
  });

  it('has a name that is too long told with the rest', async () => {
    const name = 'a'.repeat(64);
    const { code, stderr } = await apply(sequentialJob(name, oneStep({ image: 'a b' })));
    expect(code).toBe(1);
    expect(stderr).toMatch(/\* metadata\.name: .*63/);
    expect(stderr).toMatch(/\* spec\.containers\[0\]\.image: Invalid value: "a b"/);
  });

  it.each(['apply', 'apply --dry-run=server', 'create'])(
    'is refused for all its faults at once by kubectl %s',
    async (command) => {
      const args = [...command.split(' '), '-n', namespace.name, '-f', '-'];
      const said = await tryKubectl(args, sequentialJob('mixed', MIXED));
      expect(said).toEqual(refusal('mixed', ['spec.containers[1].name: Duplicate value: "load"', ...MIXED_FAULTS]));
      expect(await exists('mixed')).toBe(false);
    },
  );

  it('is refused for all its faults at once by kubectl apply --server-side', async () => {
    const [first, second, third] = MIXED.containers;
    const containers = [first, { ...second, name: 'second' }, third];
    const said = await apply(sequentialJob('mixed', { ...MIXED, containers }), '--server-side');
    expect(said).toEqual(refusal('mixed', MIXED_FAULTS));
    expect(await exists('mixed')).toBe(false);
  });

  // Newer servers refuse that themselves before they ask the webhook, as the name is the key of the list.
  it('is refused by kubectl apply --server-side when two steps have one name, whoever says it', async () => {
    const { code, stderr } = await apply(sequentialJob('twins', { containers: [STEP, STEP] }), '--server-side');
    expect(code).toBe(1);
    expect(stderr).toMatch(/spec\.containers.*"load"/);
    expect(await exists('twins')).toBe(false);
  });

  it('is refused for containers in the template, by the webhook or before it where fields are validated strictly', async () => {
    const object = sequentialJob('faulty', { containers: [STEP], template: { spec: { containers: [STEP] } } });
    const ours = refusal('faulty', [
      'spec.template.spec.containers: Forbidden: the containers are the steps in spec.containers',
    ]);
    expect(await apply(object, '--validate=false')).toEqual(ours);
    const unknown = expect.stringContaining('"spec.template.spec.containers[0].name"');
    expect(await apply(object)).toEqual(validatesStrictly ? { code: 1, stdout: '', stderr: unknown } : ours);
  });

  it('does not keep the sound ones of the same file out', async () => {
    const objects = [sequentialJob('sound', oneStep({})), sequentialJob('faulty', oneStep({ image: 'a b' }))];
    const said = await tryKubectl(['apply', '-n', namespace.name, '-f', '-'], ...objects);
    expect(said).toMatchObject({ code: 1, stdout: 'sequentialjob.batch.example.com/sound created\n' });
    expect(said.stderr).toMatch('The SequentialJob "faulty" is invalid: spec.containers[0].image:');
  });

  it('is a Status with all causes to programs', async () => {
    const path = collectionPath(SEQUENTIAL_JOBS, namespace.name);
    const sent = client.request({ method: 'POST', path, body: sequentialJob('faulty', { ...MIXED }) });
    await expect(sent).rejects.toMatchObject({
      code: 'Invalid',
      status: 422,
      causes: [
        { field: 'spec.containers[1].name' },
        { field: 'spec.containers[1].image' },
        { field: 'spec.containers[2].name' },
        { field: 'spec.containers[2].volumeMounts[0].name' },
        { field: 'spec.backoffLimit' },
      ],
    });
  });
});

describe('an object without faults', () => {
  it('is stored with what it left open, and nothing else', async () => {
    expect(await apply(sequentialJob('small', { containers: [STEP] }))).toMatchObject({ code: 0, stderr: '' });
    const { metadata, spec, status } = await namespace.get('small');
    expect(metadata.finalizers).toEqual([FINALIZER]);
    expect(spec).toEqual({
      containers: [STEP],
      template: { spec: { restartPolicy: 'Never' } },
      backoffLimit: 3,
      suspend: false,
      updatePolicy: 'Immutable',
      stepPolicies: [],
      resume: 0,
    });
    // Nobody has looked at it.
    expect(status).toEqual({ observedGeneration: -1 });
  });

  it('keeps all that it says', async () => {
    const spec = {
      containers: [STEP],
      template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes } },
      backoffLimit: 0,
      activeDeadlineSeconds: 60,
      ttlSecondsAfterFinished: 0,
      suspend: true,
      updatePolicy: 'FutureSteps',
      stepPolicies: [{ name: 'load', onFailure: 'Continue' }],
      resume: 1,
    };
    const object = { ...sequentialJob('full', spec), metadata: { name: 'full', finalizers: ['example.com/mine'] } };
    expect(await apply(object)).toMatchObject({ code: 0, stderr: '' });
    const stored = await namespace.get('full');
    expect(stored.spec).toEqual(spec);
    expect(stored.metadata.finalizers).toEqual(['example.com/mine', FINALIZER]);
  });

  it('is taken by server-side apply, which owns only what it was given', async () => {
    expect(await apply(sequentialJob('applied', { containers: [STEP] }), '--server-side')).toMatchObject({ code: 0 });
    const { metadata, spec } = await namespace.get('applied');
    expect(metadata.finalizers).toEqual([FINALIZER]);
    expect(spec.template).toEqual({ spec: { restartPolicy: 'Never' } });
    const fields = (metadata as unknown as { managedFields: readonly { manager: string; fieldsV1: Json }[] })
      .managedFields;
    const ours = fields.find(({ manager }) => manager === 'kubectl')?.fieldsV1;
    expect(Object.keys((ours?.['f:spec'] ?? {}) as Json).filter((key) => key !== '.')).toEqual(['f:containers']);
  });

  it.each(['--dry-run=server', '--server-side --dry-run=server'])('is shown and not stored with %s', async (flags) => {
    const words = flags.split(' ');
    const object = sequentialJob('dry', { containers: [STEP] });
    const { code, stdout } = await apply(object, ...words, '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      metadata: { finalizers: [FINALIZER] },
      spec: { backoffLimit: 3, template: { spec: { restartPolicy: 'Never' } } },
    });
    expect(await exists('dry')).toBe(false);
  });

  it('gets its warnings shown, and passes', async () => {
    const said = await apply(
      sequentialJob('warned', {
        containers: [
          { name: 'a', image: 'busybox', securityContext: { privileged: true } },
          { name: 'b', image: 'busybox:latest' },
          STEP,
        ],
        template: { spec: { volumes: [{ name: 'host', hostPath: { path: '/tmp' } }] } },
      }),
    );
    const why = 'what it runs can change from one attempt to the next';
    expect(said).toEqual({
      code: 0,
      stdout: 'sequentialjob.batch.example.com/warned created\n',
      stderr: [
        `Warning: spec.containers[0].image: "busybox" has neither tag nor digest and means "latest": ${why}\n`,
        'Warning: spec.containers[0].securityContext.privileged: the container has full access to the node\n',
        `Warning: spec.containers[1].image: "busybox:latest" has the tag "latest": ${why}\n`,
        'Warning: spec.template.spec.volumes[0].hostPath: the volume is a directory of whichever node runs the step\n',
      ].join(''),
    });
  });

  it.each(['etl', 'failing', 'single-step'])('is the sample %s', async (name) => {
    const said = await tryKubectl([
      'apply',
      '--dry-run=server',
      '-n',
      namespace.name,
      '-f',
      join(SAMPLES, `${name}.yaml`),
    ]);
    expect(said).toMatchObject({ code: 0, stderr: '' });
  });

  it('may have a thousand steps', async () => {
    const containers = Array.from({ length: 1000 }, (_, i) => step(`s${i}`));
    const said = await apply(sequentialJob('thousand', { containers }), '--dry-run=server');
    expect(said).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await apply(sequentialJob('more', { containers: [...containers, STEP] }));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'The SequentialJob "more" is invalid: spec.containers: Too many: 1001: must have at most 1000 items\n',
    });
  });
});
