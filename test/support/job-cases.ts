/**
 * Containers and Pod specs to be judged by validation and, as those of a Job, by an API server. The two agree but where
 * `differs` says so, which is where this resource is stricter than a Job; the reason is in the sentence.
 */
type Json = Readonly<Record<string, unknown>>;

interface JobCase {
  readonly pod?: Json;
  readonly container?: Json;
  readonly differs?: boolean;
  /** Newer servers take it and older ones do not. Validation goes by the newer ones. */
  readonly varies?: boolean;
}

const exec = { command: ['true'] };
const volumes = [{ name: 'data' }];

export const AS_A_JOB: readonly (readonly [sentence: string, jobCase: JobCase])[] = [
  ['a plain container', {}],
  ['no image', { container: { image: '' } }],
  ['an upper-case image, which a Job only notices when it starts', { container: { image: 'UPPER' }, differs: true }],
  ['an upper-case name', { container: { name: 'Load' } }],
  ['a dotted name', { container: { name: 'a.b' } }],
  ['a name of 64 characters', { container: { name: 'a'.repeat(64) } }],
  ['an unknown pull policy', { container: { imagePullPolicy: 'Sometimes' } }],
  ['an empty pull policy', { container: { imagePullPolicy: '' } }],
  ['duplicate variables', { container: { env: [{ name: 'A' }, { name: 'A' }] } }],
  ['a variable that begins with a dot', { container: { env: [{ name: '.a-b' }] } }],
  ['a variable ".."', { container: { env: [{ name: '..' }] }, varies: true }],
  ['a variable "..a"', { container: { env: [{ name: '..a' }] }, varies: true }],
  [
    'a value and a source',
    { container: { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] } },
  ],
  [
    'an empty value and a source',
    { container: { env: [{ name: 'A', value: '', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] } },
  ],
  [
    'a label as a variable',
    { container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } }] } },
  ],
  [
    'all labels as a variable',
    { container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] } },
  ],
  [
    'an unknown field as a variable',
    { container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'spec.x' } } }] } },
  ],
  ['no source', { container: { env: [{ name: 'A', valueFrom: {} }] } }],
  [
    'a key with a slash',
    { container: { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'a/b' } } }] } },
  ],
  ['envFrom without a source', { container: { envFrom: [{}] } }],
  [
    'envFrom with a prefix that begins with a digit',
    { container: { envFrom: [{ prefix: '1', secretRef: { name: 'a' } }] }, varies: true },
  ],
  [
    'a port twice, which server-side apply refuses',
    {
      container: {
        ports: [
          { containerPort: 80, name: 'a' },
          { containerPort: 80, name: 'b' },
        ],
      },
      differs: true,
    },
  ],
  [
    'a port by two protocols',
    { container: { ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] } },
  ],
  [
    'a host port twice',
    {
      container: {
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, hostPort: 80 },
        ],
      },
    },
  ],
  [
    'a port name twice',
    {
      container: {
        ports: [
          { containerPort: 80, name: 'a' },
          { containerPort: 81, name: 'a' },
        ],
      },
    },
  ],
  ['an upper-case port name', { container: { ports: [{ containerPort: 80, name: 'A' }] } }],
  ['port 65536', { container: { ports: [{ containerPort: 65_536 }] } }],
  ['a mount of no volume', { container: { volumeMounts: [{ name: 'x', mountPath: '/a' }] } }],
  ['a mount', { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: '/a' }] } }],
  ['a relative mount', { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: 'a' }] } }],
  [
    'two mounts at a path',
    {
      pod: { volumes },
      container: {
        volumeMounts: [
          { name: 'data', mountPath: '/a' },
          { name: 'data', mountPath: '/a' },
        ],
      },
    },
  ],
  [
    'a mount with a colon, which its own documentation forbids',
    { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: '/a:b' }] }, differs: true },
  ],
  [
    'an absolute sub-path',
    { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: '/a', subPath: '/b' }] } },
  ],
  [
    'a sub-path that climbs',
    { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: '/a', subPath: 'b/../c' }] } },
  ],
  [
    'an unknown propagation',
    { pod: { volumes }, container: { volumeMounts: [{ name: 'data', mountPath: '/a', mountPropagation: 'X' }] } },
  ],
  ['a request above the limit', { container: { resources: { requests: { cpu: '1.1' }, limits: { cpu: '1099m' } } } }],
  [
    'a request equal to the limit',
    { container: { resources: { requests: { cpu: '1.1' }, limits: { cpu: '1100m' } } } },
  ],
  [
    'a request a hair below the limit',
    { container: { resources: { requests: { memory: '1073741823' }, limits: { memory: '1Gi' } } } },
  ],
  ['a negative quantity', { container: { resources: { requests: { memory: '-1' } } } }],
  ['a quantity with a bad suffix', { container: { resources: { requests: { memory: '1Gb' } } } }],
  [
    'a quantity without digits, which a Job takes for 0',
    { container: { resources: { requests: { memory: 'Gi' } } }, differs: true },
  ],
  ['a quantity in exponents', { container: { resources: { requests: { memory: '1e3' }, limits: { memory: '1E3' } } } }],
  ['a quantity above all', { container: { resources: { requests: { memory: '100E' }, limits: { memory: '99E' } } } }],
  ['an unknown resource', { container: { resources: { limits: { gpu: 1 } } } }],
  ['an extended resource', { container: { resources: { requests: { 'a.io/b': 1 }, limits: { 'a.io/b': 1 } } } }],
  ['an extended resource without a limit', { container: { resources: { requests: { 'a.io/b': 1 } } } }],
  ['half an extended resource', { container: { resources: { limits: { 'a.io/b': '500m' } } } }],
  ['a probe', { container: { livenessProbe: { exec } } }],
  ['a probe without an action', { container: { livenessProbe: {} } }],
  ['a probe with two actions', { container: { livenessProbe: { exec, tcpSocket: { port: 1 } } } }],
  ['a probe of port 0', { container: { livenessProbe: { tcpSocket: { port: 0 } } } }],
  ['a probe of a named port', { container: { livenessProbe: { httpGet: { port: 'http' } } } }],
  [
    'a probe with a bad header',
    { container: { livenessProbe: { httpGet: { port: 1, httpHeaders: [{ name: 'a b', value: '' }] } } } },
  ],
  ['two successes of liveness', { container: { livenessProbe: { exec, successThreshold: 2 } } }],
  ['two successes of readiness', { container: { readinessProbe: { exec, successThreshold: 2 } } }],
  ['a negative period', { container: { readinessProbe: { exec, periodSeconds: -1 } } }],
  ['a hook without an action', { container: { lifecycle: { preStop: {} } } }],
  ['a volume without a name', { pod: { volumes: [{ name: '' }] } }],
  ['a volume twice', { pod: { volumes: [{ name: 'a' }, { name: 'a' }] } }],
  ['a volume with two sources', { pod: { volumes: [{ name: 'a', emptyDir: {}, hostPath: { path: '/' } }] } }],
  ['a claim without a name', { pod: { volumes: [{ name: 'a', persistentVolumeClaim: { claimName: '' } }] } }],
  ['a secret without a name', { pod: { volumes: [{ name: 'a', secret: {} }] } }],
  ['a host path that climbs', { pod: { volumes: [{ name: 'a', hostPath: { path: '/a/../b' } }] } }],
  ['an init container', { pod: { initContainers: [{ name: 'init', image: 'a' }] } }],
  ['an init container of the same name', { pod: { initContainers: [{ name: 'load', image: 'a' }] } }],
  [
    'an init container with a probe',
    { pod: { initContainers: [{ name: 'init', image: 'a', livenessProbe: { exec } }] } },
  ],
  ['the restart policy OnFailure', { pod: { restartPolicy: 'OnFailure' } }],
  ['the restart policy Always', { pod: { restartPolicy: 'Always' } }],
  ['an unknown restart policy', { pod: { restartPolicy: 'Sometimes' } }],
  ['a bad node selector', { pod: { nodeSelector: { 'a b': 'c' } } }],
  ['a bad value in a node selector', { pod: { nodeSelector: { a: '-' } } }],
  ['an unknown DNS policy', { pod: { dnsPolicy: 'Some' } }],
  ['an unknown effect', { pod: { tolerations: [{ key: 'a', effect: 'Some' }] } }],
  [
    'two equal spread constraints',
    {
      pod: {
        topologySpreadConstraints: [1, 2].map((maxSkew) => ({
          maxSkew,
          topologyKey: 'a',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: {},
        })),
      },
    },
  ],
  ['a number for a text', { container: { workingDir: 5 } }],
  ['a text for a number', { pod: { terminationGracePeriodSeconds: '5' } }],
];
