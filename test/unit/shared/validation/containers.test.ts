import { expect, test } from '@jest/globals';
import { ofPod, ofSpec, ofStep, refusals, sequence, step, type Row } from './refusals.ts';

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const VARIABLE = "a valid environment variable name must consist only of printable ASCII characters other than '='";

const NAMES: readonly Row[] = [
  ['a DNS label is a name', { name: '0-a' }, []],
  ['63 characters fit', { name: 'a'.repeat(63) }, []],
  ['64 do not', { name: 'a'.repeat(64) }, [`name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 bytes`]],
  ['upper case is refused', { name: 'Load' }, [`name: Invalid value: "Load": ${LABEL}`]],
  ['dots are refused', { name: 'a.b' }, ['name: Invalid value: "a.b": must not contain dots']],
  ['an empty name is none', { name: '' }, ['name: Required value']],
  [
    'a number is no name',
    { name: 5 },
    ['name: Invalid value: "integer": name in body must be of type string: "integer"'],
  ],
];

const IMAGES: readonly Row[] = [
  ['an image is required', { image: '' }, ['image: Required value']],
  [
    'blanks around it are refused',
    { image: ' a' },
    ['image: Invalid value: " a": must not have leading or trailing whitespace'],
  ],
  ['it must parse', { image: 'a b' }, ['image: Invalid value: "a b": invalid reference format']],
];

const ENV: readonly Row[] = [
  ['a plain variable is legal, also twice', { env: [{ name: 'A', value: 'x' }, { name: 'A' }] }, []],
  [
    'any printable name is legal, as newer servers take it',
    { env: ['my.env-name', '_', '1a', 'a b', '..', 'Logging:LogLevel:Default'].map((name) => ({ name })) },
    [],
  ],
  [
    'but not one with an equals sign, or with what is not printable ASCII',
    { env: ['A=B', 'Ä', 'a\n'].map((name) => ({ name })) },
    ['A=B', 'Ä', 'a\\n'].map((name, i) => `env[${i}].name: Invalid value: "${name}": ${VARIABLE}`),
  ],
  [
    'a name is required',
    { env: [{ value: 'x' }, { name: '' }] },
    ['env[0].name: Required value', 'env[1].name: Required value'],
  ],
  [
    'value and valueFrom exclude each other',
    { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
    ['env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'an empty value excludes nothing',
    { env: [{ name: 'A', value: '', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
    [],
  ],
  [
    'a source is required',
    { env: [{ name: 'A', valueFrom: {} }] },
    [
      'env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
    ],
  ],
  [
    'two sources are too many',
    {
      env: [
        { name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' }, secretKeyRef: { name: 's', key: 'k' } } },
      ],
    },
    ['env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
  ],
  [
    'a variable from a file is legal',
    { env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'data', path: 'a', key: 'k' } } }] },
    [],
  ],
  [
    'envFrom needs one source, and a legal prefix',
    { envFrom: [{}, { prefix: 'a=', secretRef: {} }, { secretRef: { name: 'a' }, configMapRef: { name: 'b' } }] },
    [
      'envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
      `envFrom[1].prefix: Invalid value: "a=": ${VARIABLE}`,
      'envFrom[2]: Invalid value: "": may not have more than one field specified at a time',
    ],
  ],
];

const PORTS: readonly Row[] = [
  [
    'one port by two protocols is legal',
    { ports: [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }] },
    [],
  ],
  [
    'a pair may come once',
    { ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }] },
    ['ports[1]: Duplicate value: "80/TCP"'],
  ],
  [
    'a name may come once',
    {
      ports: [
        { name: 'a', containerPort: 1 },
        { name: 'a', containerPort: 2 },
      ],
    },
    ['ports[1].name: Duplicate value: "a"'],
  ],
  [
    'numbers are between 1 and 65535',
    { ports: [{ containerPort: 0 }, { containerPort: 65_536 }, { containerPort: 1, hostPort: -1 }] },
    [
      'ports[0].containerPort: Required value',
      'ports[1].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive',
      'ports[2].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive',
    ],
  ],
  [
    'names are IANA service names',
    { ports: ['a-name-that-is-too-long', '123', 'a--b', '-a', 'A'].map((name, i) => ({ name, containerPort: i + 1 })) },
    [
      'ports[0].name: Invalid value: "a-name-that-is-too-long": must be no more than 15 bytes',
      'ports[1].name: Invalid value: "123": must contain at least one letter (a-z)',
      'ports[2].name: Invalid value: "a--b": must not contain consecutive hyphens',
      'ports[3].name: Invalid value: "-a": must not begin or end with a hyphen',
      'ports[4].name: Invalid value: "A": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'ports[4].name: Invalid value: "A": must contain at least one letter (a-z)',
    ],
  ],
];

const MOUNTS: readonly Row[] = [
  [
    'a mount of a volume is legal, relative or not',
    {
      volumeMounts: [
        { name: 'data', mountPath: '/a' },
        { name: 'data', mountPath: 'b', subPath: 'c/d' },
      ],
    },
    [],
  ],
  [
    'a volume must exist',
    { volumeMounts: [{ name: 'date', mountPath: '/a' }] },
    ['volumeMounts[0].name: Not found: "date"'],
  ],
  [
    'name and path are required',
    { volumeMounts: [{}] },
    ['volumeMounts[0].mountPath: Required value', 'volumeMounts[0].name: Required value'],
  ],
  [
    'a path may come once',
    {
      volumeMounts: [
        { name: 'data', mountPath: '/a' },
        { name: 'disk', mountPath: '/a' },
      ],
    },
    ['volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
  ],
  ['a path on Windows is legal', { volumeMounts: [{ name: 'data', mountPath: 'C:\\\\data' }] }, []],
  [
    'devices follow the same rules',
    {
      volumeMounts: [{ name: 'data', mountPath: '/a' }],
      volumeDevices: [{ name: 'disk', devicePath: '/a' }, { name: 'none', devicePath: '/b' }, {}],
    },
    [
      'volumeDevices[2].devicePath: Required value',
      'volumeDevices[2].name: Required value',
      'volumeDevices[0].devicePath: Invalid value: "/a": must be unique',
      'volumeDevices[1].name: Not found: "none"',
    ],
  ],
];

const RESOURCES: readonly Row[] = [
  [
    'equal amounts are legal however written',
    { resources: { requests: { cpu: '1000m', memory: '1Gi' }, limits: { cpu: 1, memory: '1024Mi' } } },
    [],
  ],
  [
    'a request is not above its limit',
    { resources: { requests: { cpu: '1001m' }, limits: { cpu: 1 } } },
    ['resources.requests: Invalid value: "1001m": must be less than or equal to cpu limit of 1'],
  ],
  [
    'an amount is not negative',
    { resources: { limits: { memory: '-1' } } },
    ['resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0'],
  ],
  [
    'a quantity parses',
    { resources: { limits: { cpu: 'one', memory: '1Gib' } } },
    [
      'resources.limits[cpu]: Invalid value: "one": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
      'resources.limits[memory]: Invalid value: "1Gib": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
    ],
  ],
  [
    'which resources there are is for the server to say',
    { resources: { requests: { 'kubernetes.io/batch-cpu': '1000', gpu: 1, 'a.io/x': '500m' } } },
    [],
  ],
];

const PROBES: readonly Row[] = [
  [
    'one action each is legal',
    {
      livenessProbe: { grpc: { port: 1 } },
      readinessProbe: { tcpSocket: { port: 'http' } },
      lifecycle: { preStop: { sleep: { seconds: 1 } } },
    },
    [],
  ],
  [
    'an action is required',
    { livenessProbe: {}, lifecycle: { postStart: {} } },
    [
      'lifecycle.postStart: Required value: must specify a handler type',
      'livenessProbe: Required value: must specify a handler type',
    ],
  ],
  [
    'two actions are too many',
    { startupProbe: { exec: { command: ['a'] }, httpGet: { port: 80 } } },
    ['startupProbe.httpGet: Forbidden: may not specify more than 1 handler type'],
  ],
];

test.each(NAMES)('names: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(IMAGES)('images: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(ENV)('environment: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(PORTS)('ports: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(MOUNTS)('mounts: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(RESOURCES)('resources: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));
test.each(PROBES)('probes: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));

test('steps have names of their own', () => {
  const containers = [step({ name: 'load' }), step({ name: 'load' }), step({ name: 'load' })];
  expect(refusals(sequence({ containers }))).toEqual([
    'spec.containers[1].name: Duplicate value: "load"',
    'spec.containers[2].name: Duplicate value: "load"',
  ]);
});

test.each([undefined, null, []])('containers as %p are required', (containers) => {
  const [line] = ofSpec({ containers });
  expect(line).toMatch(
    /^spec\.containers: (?:Required value|Invalid value: "null": spec\.containers in body must be of type array: "null")$/,
  );
});

test('a thousand steps are legal, one more is not', () => {
  const steps = (count: number): unknown[] => Array.from({ length: count }, (_, i) => step({ name: `s${i}` }));
  expect(ofSpec({ containers: steps(1000) })).toEqual([]);
  expect(ofSpec({ containers: steps(1001) })).toEqual([
    'spec.containers: Too many: 1001: must have at most 1000 items',
  ]);
});

test('an init container is held to the same rules', () => {
  const livenessProbe = { exec: { command: ['true'] } };
  const good = { name: 'a', image: 'a', restartPolicy: 'OnFailure', livenessProbe };
  expect(ofPod({ initContainers: [good] })).toEqual([]);
  const bad = { ...good, image: '', livenessProbe: {}, volumeMounts: [{ name: 'none', mountPath: '/a' }] };
  expect(ofPod({ initContainers: [bad] })).toEqual([
    'initContainers[0].image: Required value',
    'initContainers[0].volumeMounts[0].name: Not found: "none"',
    'initContainers[0].livenessProbe: Required value: must specify a handler type',
  ]);
});
