/** The Pod's own settings; that the verdicts are an API server's is proven in test/integration/core-schema.test.ts. */
import { expect, test } from '@jest/globals';
import { ofPod, ofSpec, ofStep, refusals, sequence, step, type Row } from './refusals.ts';

const NAME =
  "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const NETWORK: readonly Row[] = [
  [
    'names and aliases are legal',
    { hostname: 'a', subdomain: 'b', hostAliases: [{ ip: '::1', hostnames: ['a.local'] }, { ip: '10.0.0.1' }] },
    [],
  ],
  ['a host name has no dots', { hostname: 'a.b' }, ['hostname: Invalid value: "a.b": must not contain dots']],
  [
    'an alias has an address and legal names',
    { hostAliases: [{ ip: '127.000.0.1', hostnames: ['A_B'] }] },
    [
      'hostAliases[0].ip: Invalid value: "127.000.0.1": must be valid IP address',
      `hostAliases[0].hostnames[0]: Invalid value: "A_B": ${SUBDOMAIN}`,
    ],
  ],
  [
    'the policy None needs servers',
    { dnsPolicy: 'None' },
    ['dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
  ],
  [
    'and settings without servers do not help',
    { dnsPolicy: 'None', dnsConfig: {} },
    ['dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None'],
  ],
  [
    'servers are addresses, three at most; options have names',
    { dnsConfig: { nameservers: ['1.1.1.1', '::', 'fe80::1', 'dns'], options: [{ value: '1' }] } },
    [
      'dnsConfig.nameservers: Invalid value: must not have more than 3 nameservers',
      'dnsConfig.nameservers[3]: Invalid value: "dns": must be valid IP address',
      'dnsConfig.options[0]: Required value: must not be empty',
    ],
  ],
  ['search paths may end with a dot', { dnsConfig: { searches: ['example.com.', '.', '_tcp.example.com'] } }, []],
  [
    'there are 32 of them at most',
    { dnsConfig: { searches: Array.from({ length: 33 }, () => 'a.b') } },
    ['dnsConfig.searches: Invalid value: must not have more than 32 search paths'],
  ],
  [
    'and 2048 characters',
    { dnsConfig: { searches: Array.from({ length: 32 }, () => 'a'.repeat(64)) } },
    [
      'dnsConfig.searches: Invalid value: must not have more than 2048 characters (including spaces) in the search list',
    ],
  ],
];

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const nodeTerm = (term: object): Record<string, unknown> => ({
  affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: [term] } } },
});

const SCHEDULING: readonly Row[] = [
  ['an empty term selects nothing and is legal', nodeTerm({}), []],
  [
    'a term is required',
    { affinity: { nodeAffinity: { [required]: { nodeSelectorTerms: [] } } } },
    [`affinity.nodeAffinity.${required}.nodeSelectorTerms: Required value: must have at least one node selector term`],
  ],
  [
    'operators ask for their values',
    nodeTerm({
      matchExpressions: [
        { key: 'a', operator: 'In' },
        { key: 'a', operator: 'Exists', values: ['b'] },
        { key: 'a', operator: 'Gt', values: [] },
        { key: 'a b', operator: 'Exists' },
      ],
    }),
    [
      "matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      "matchExpressions[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
      `matchExpressions[3].key: Invalid value: "a b": name part must ${NAME}`,
    ].map((line) => `affinity.nodeAffinity.${required}.nodeSelectorTerms[0].${line}`),
  ],
  [
    "a node's only field is its name",
    nodeTerm({
      matchFields: [
        { key: 'metadata.name', operator: 'In', values: ['a', 'b'] },
        { key: 'spec.x', operator: 'Exists' },
      ],
    }),
    [
      "matchFields[0].values: Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
      'matchFields[1].operator: Invalid value: "Exists": not a valid selector operator',
      'matchFields[1].key: Invalid value: "spec.x": not a valid field selector key',
    ].map((line) => `affinity.nodeAffinity.${required}.nodeSelectorTerms[0].${line}`),
  ],
  [
    'weights are from 1 to 100, and Pods have a topology',
    { affinity: { podAffinity: { [preferred]: [{ weight: 101, podAffinityTerm: { topologyKey: '' } }] } } },
    [
      `affinity.podAffinity.${preferred}[0].weight: Invalid value: 101: must be in the range 1-100`,
      `affinity.podAffinity.${preferred}[0].podAffinityTerm.topologyKey: Required value: can not be empty`,
    ],
  ],
  [
    'namespaces and selectors of labels are checked',
    {
      affinity: {
        podAntiAffinity: {
          [required]: [{ topologyKey: 'a', namespaces: ['a.b'], labelSelector: { matchLabels: { 'a b': 'c' } } }],
        },
      },
    },
    [
      `affinity.podAntiAffinity.${required}[0].labelSelector.matchLabels: Invalid value: "a b": name part must ${NAME}`,
      `affinity.podAntiAffinity.${required}[0].namespaces[0]: Invalid value: "a.b": must not contain dots`,
    ],
  ],
  [
    'tolerations of each kind are legal',
    {
      tolerations: [
        { operator: 'Exists' },
        { key: 'a', value: 'b' },
        { key: 'a', operator: 'Gt', value: '5' },
        { key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: -1 },
      ],
    },
    [],
  ],
  [
    'tolerations fit together',
    {
      tolerations: [
        {},
        { key: 'a', operator: 'Exists', value: 'b' },
        { key: 'a', operator: 'In' },
        { key: 'a', operator: 'Lt', value: 'b' },
        { key: 'a', effect: 'NoSchedule', tolerationSeconds: 5 },
      ],
    },
    [
      'tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'tolerations[1].operator: Invalid value: "b": value must be empty when `operator` is \'Exists\'',
      'tolerations[2].operator: Unsupported value: "In": supported values: "Equal", "Exists", "Gt", "Lt"',
      'tolerations[3].value: Invalid value: "b": must be an integer for the operators Gt and Lt',
      'tolerations[4].effect: Invalid value: "NoSchedule": effect must be \'NoExecute\' when `tolerationSeconds` is set',
    ],
  ],
  [
    'a spread has a skew and a topology',
    { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'DoNotSchedule', minDomains: 0 }] },
    [
      'topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero',
      'topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
    ],
  ],
  [
    'deadline, names and gates are checked',
    {
      activeDeadlineSeconds: 0,
      serviceAccountName: 'A',
      runtimeClassName: 'B',
      readinessGates: [{ conditionType: 'a b' }],
    },
    [
      'activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
      `serviceAccountName: Invalid value: "A": ${SUBDOMAIN}`,
      `runtimeClassName: Invalid value: "B": ${SUBDOMAIN}`,
      `readinessGates[0].conditionType: Invalid value: "a b": name part must ${NAME}`,
    ],
  ],
];

const SECURITY: readonly Row[] = [
  [
    'IDs are from 0 to 2^31-1',
    { securityContext: { runAsUser: -1, fsGroup: 2 ** 31, supplementalGroups: [0, -1] } },
    [
      'securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'securityContext.fsGroup: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
      'securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  ],
  [
    'processes are shared with the host or with each other',
    { hostPID: true, shareProcessNamespace: true },
    [
      'securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
  ],
  [
    'kernel settings have legal names, once',
    {
      securityContext: {
        sysctls: [
          { name: 'a.b', value: '1' },
          { name: 'a/b', value: '1' },
          { name: 'a b', value: '' },
          { name: '', value: '' },
        ],
      },
    },
    [
      'securityContext.sysctls[1].name: Duplicate value: "a/b"',
      'securityContext.sysctls[2].name: Invalid value: "a b": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      'securityContext.sysctls[3].name: Required value',
    ],
  ],
];

const CONTAINER_SECURITY: readonly Row[] = [
  [
    'a profile of the node is named, and only such a one',
    {
      securityContext: {
        seccompProfile: { type: 'Localhost' },
        appArmorProfile: { type: 'Unconfined', localhostProfile: 'a' },
      },
    },
    [
      'securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
      'securityContext.appArmorProfile.localhostProfile: Invalid value: "a": can only be set when AppArmor type is Localhost',
    ],
  ],
  [
    'it stays in the folder of profiles',
    { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '../a' } } },
    ['securityContext.seccompProfile.localhostProfile: Invalid value: "../a": must not contain \'..\''],
  ],
  [
    'who may do everything may escalate',
    {
      securityContext: { privileged: true, allowPrivilegeEscalation: false, capabilities: { add: ['CAP_SYS_ADMIN'] } },
    },
    [
      'securityContext: Invalid value: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      'securityContext: Invalid value: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    ],
  ],
  [
    'a Windows user has at most one domain, and is not empty',
    { securityContext: { windowsOptions: { runAsUserName: 'a\\b\\c', gmsaCredentialSpecName: 'A' } } },
    [
      `securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: "A": ${SUBDOMAIN}`,
      'securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash',
    ],
  ],
  [
    'an empty Windows user is none',
    { securityContext: { windowsOptions: { runAsUserName: '' } } },
    ['securityContext.windowsOptions.runAsUserName: Invalid value: "": runAsUserName cannot be an empty string'],
  ],
  [
    'mounts that the host sees need privileges',
    {
      volumeMounts: [
        { name: 'data', mountPath: '/a', mountPropagation: 'Bidirectional', recursiveReadOnly: 'Enabled' },
      ],
    },
    [
      'volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      'volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
      'volumeMounts[0].recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified',
    ],
  ],
  [
    'a device is a claim, no mount, and there once',
    {
      volumeMounts: [{ name: 'disk', mountPath: '/a' }],
      volumeDevices: [
        { name: 'disk', devicePath: '/dev/a' },
        { name: 'disk', devicePath: '/dev/b' },
        { name: 'data', devicePath: '/dev/c' },
      ],
    },
    [
      'volumeDevices[0].name: Invalid value: "disk": must not already exist in volumeMounts',
      'volumeDevices[1].name: Invalid value: "disk": must be unique',
      'volumeDevices[1].name: Invalid value: "disk": must not already exist in volumeMounts',
      'volumeDevices[2].name: Invalid value: "data": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
    ],
  ],
  [
    'huge pages need memory or CPU, and a size',
    { resources: { limits: { 'hugepages-': '2Mi', 'requests.a.io/b': 1 } } },
    [
      `resources.limits[hugepages-]: Invalid value: "hugepages-": name part must ${NAME}`,
      'resources.limits[requests.a.io/b]: Invalid value: "requests.a.io/b": doesn\'t follow extended resource name standard',
      'resources: Forbidden: HugePages require cpu or memory',
    ],
  ],
];

test.each(NETWORK)('network: %s', (_sentence, part, lines) => expect(ofPod(part)).toEqual(lines));
test.each(SCHEDULING)('scheduling: %s', (_sentence, part, lines) => expect(ofPod(part)).toEqual(lines));
test.each(SECURITY)('security: %s', (_sentence, part, lines) => expect(ofPod(part)).toEqual(lines));
test.each(CONTAINER_SECURITY)('container: %s', (_sentence, part, lines) => expect(ofStep(part)).toEqual(lines));

test("in the host's network a port is the host's", () => {
  const ports = [{ containerPort: 80, hostPort: 81 }, { containerPort: 82, hostPort: 82 }, { containerPort: 83 }];
  expect(ofSpec({ containers: [step({ ports })], template: { spec: { hostNetwork: true } } })).toEqual([
    'spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true',
  ]);
});

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io';
const annotated = (annotations: Record<string, string>, containers = [step()]): readonly string[] =>
  ofSpec({ containers, template: { metadata: { annotations } } }).map((line) =>
    line.replace('spec.template.metadata.annotations', ''),
  );

test('an annotation for a profile is for a container of every Pod, and has a profile', () => {
  expect(
    annotated({ [`${APPARMOR}/load`]: 'localhost/a', 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' }),
  ).toEqual([]);
  expect(annotated({ [`${APPARMOR}/load`]: 'strict', [`${APPARMOR}/x`]: '' })).toEqual([
    `[${APPARMOR}/load]: Invalid value: "strict": invalid AppArmor profile name: "strict"`,
    `[${APPARMOR}/x]: Invalid value: "x": container not found in the Pod of every step`,
  ]);
  expect(annotated({ [`${APPARMOR}/load`]: '' }, [step(), step({ name: 'b' })])).toHaveLength(1);
  expect(annotated({ 'seccomp.security.alpha.kubernetes.io/pod': 'localhost/../a' })).toEqual([
    '[seccomp.security.alpha.kubernetes.io/pod]: Invalid value: "../a": must not contain \'..\'',
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
