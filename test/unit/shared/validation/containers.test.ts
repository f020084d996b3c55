/** Rules of containers that test/golden/admission and the recorded verdicts (recorded.test.ts) do not show by themselves. */
import { expect, test } from '@jest/globals';
import { fieldsOf, ofPod, ofSpec, ofStep, step } from './refusals.ts';

type Row = readonly [sentence: string, part: Readonly<Record<string, unknown>>, fields: readonly string[]];

const mount = (name: string, mountPath: string): object => ({ name, mountPath });
const names = (...all: readonly string[]): readonly object[] => all.map((name) => ({ name }));
const source = { fieldRef: { fieldPath: 'metadata.name' } };
const limits = (map: object): object => ({ resources: { limits: map } });

const ROWS: readonly Row[] = [
  ['a name of 63 characters is valid', { name: 'a'.repeat(63) }, []],
  ['a name of 64 characters is rejected', { name: 'a'.repeat(64) }, ['name']],
  ['a name with dots is rejected', { name: 'a.b' }, ['name']],
  ['a name that is a number is rejected', { name: 5 }, ['name']],
  ['spaces around an image are rejected', { image: ' a' }, ['image']],
  ['a variable may be defined twice', { env: [{ name: 'A', value: 'x' }, { name: 'A' }] }, []],
  ['any printable name of a variable is valid', { env: names('my.env-name', '_', '1a', 'a b', '..', 'A:B:C') }, []],
  [
    'a name of a variable with an equals sign or another character is rejected',
    { env: names('A=B', 'Ä', 'a\n') },
    [0, 1, 2].map((i) => `env[${i}].name`),
  ],
  [
    'an empty value together with valueFrom counts as absent',
    { env: [{ name: 'A', value: '', valueFrom: source }] },
    [],
  ],
  [
    'a value together with valueFrom is rejected',
    { env: [{ name: 'A', value: 'x', valueFrom: source }] },
    ['env[0].valueFrom'],
  ],
  [
    'envFrom has one source and a valid prefix',
    { envFrom: [{}, { prefix: 'a=', secretRef: {} }, { secretRef: { name: 'a' }, configMapRef: { name: 'b' } }] },
    ['envFrom[0]', 'envFrom[1].prefix', 'envFrom[2]'],
  ],
  [
    'the same port with two protocols is valid',
    { ports: [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }] },
    [],
  ],
  [
    'a port without a protocol is a TCP port',
    { ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }] },
    ['ports[1]'],
  ],
  [
    'port numbers are between 1 and 65535',
    { ports: [{ containerPort: 65_536 }, { containerPort: 65_535 }, { containerPort: 1, hostPort: -1 }] },
    ['ports[0].containerPort', 'ports[2].hostPort'],
  ],
  [
    'port names are IANA service names',
    {
      ports: ['a-name-that-is-too-long', '123', 'a--b', '-a', 'Aa'].map((name, i) => ({ name, containerPort: i + 1 })),
    },
    [0, 1, 2, 3, 4].map((i) => `ports[${i}].name`),
  ],
  [
    'a mount path may be relative, or a Windows path',
    { volumeMounts: [mount('data', 'b'), mount('data', 'C:\\data')] },
    [],
  ],
  ['a mount has a name and a path', { volumeMounts: [{}] }, ['volumeMounts[0].mountPath', 'volumeMounts[0].name']],
  [
    'duplicate mount paths are rejected',
    { volumeMounts: [mount('data', '/a'), mount('disk', '/a')] },
    ['volumeMounts[1].mountPath'],
  ],
  [
    'the same rules apply to devices',
    {
      volumeMounts: [mount('data', '/a')],
      volumeDevices: [{ name: 'disk', devicePath: '/a' }, { name: 'none', devicePath: '/b' }, {}],
    },
    ['volumeDevices[2].devicePath', 'volumeDevices[2].name', 'volumeDevices[0].devicePath', 'volumeDevices[1].name'],
  ],
  [
    'equal quantities in different notations are valid',
    { resources: { requests: { cpu: '1000m', memory: '1Gi' }, limits: { cpu: 1, memory: '1024Mi' } } },
    [],
  ],
  [
    'a request is not above its limit',
    { resources: { requests: { cpu: '1001m' }, limits: { cpu: 1 } } },
    ['resources.requests'],
  ],
  [
    'an invalid quantity is rejected',
    limits({ cpu: 'one', memory: '1Gib' }) as never,
    ['resources.limits[cpu]', 'resources.limits[memory]'],
  ],
  [
    'a probe and a hook without an action are rejected',
    { livenessProbe: {}, lifecycle: { postStart: {} } },
    ['lifecycle.postStart', 'livenessProbe'],
  ],
  [
    'a probe and a hook with two actions are rejected',
    { startupProbe: { exec: { command: ['a'] }, httpGet: { port: 80 } } },
    ['startupProbe.httpGet'],
  ],
];

test.each(ROWS)('%s', (_sentence, part, fields) => expect(fieldsOf(ofStep(part))).toEqual(fields));

test('a thousand steps are valid, one more is not', () => {
  const steps = (count: number): unknown[] => Array.from({ length: count }, (_, i) => step({ name: `s${i}` }));
  expect(ofSpec({ steps: steps(1000) })).toEqual([]);
  expect(fieldsOf(ofSpec({ steps: steps(1001) }))).toEqual(['spec.steps']);
});

test.each([undefined, null, []])('steps: %p is rejected, because the field is required', (steps) => {
  expect(fieldsOf(ofSpec({ steps }))).toEqual(['spec.steps']);
});

test('the same rules apply to an init container', () => {
  const livenessProbe = { exec: { command: ['true'] } };
  const good = { name: 'a', image: 'a', restartPolicy: 'OnFailure', livenessProbe };
  expect(ofPod({ initContainers: [good] })).toEqual([]);
  const bad = { ...good, image: '', livenessProbe: {}, volumeMounts: [mount('none', '/a')] };
  expect(fieldsOf(ofPod({ initContainers: [bad] }))).toEqual(
    ['image', 'volumeMounts[0].name', 'livenessProbe'].map((field) => `initContainers[0].${field}`),
  );
});
