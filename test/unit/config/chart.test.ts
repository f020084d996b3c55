/** The chart's values: what each of them changes. That its defaults give config/default: test/integration/installer.test.ts. */
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { parseConfig } from '../../../cli/run/config.ts';
import { mergeValues, read, renderChart, type Rendering } from '../../support/chart.ts';
import { type Deployment, deployments, type Manifest, ofKind, present } from '../../support/manifests.ts';

type Values = Readonly<Record<string, unknown>>;

/** As Helm does it: with the defaults below what is set. */
const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(read('values.schema.json')) as object);

const merged = (values: Values): object => mergeValues(parse(read('values.yaml')) as Values, values);

function faults(values: Values): readonly string[] {
  return validate(merged(values))
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const names = (objects: readonly Manifest[]): readonly string[] =>
  objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort();

const DEFAULT = renderChart().objects;

/** One without anything of ours. */
const CLUSTER: Rendering['cluster'] = [];

function difference(rendering: Rendering): { readonly more: readonly string[]; readonly less: readonly string[] } {
  const now = names(renderChart(rendering).objects);
  const before = names(DEFAULT);
  return {
    more: now.filter((name) => !before.includes(name)),
    less: before.filter((name) => !now.includes(name)),
  };
}

const pod = (values: Values): Deployment['spec']['template'] =>
  present(deployments(renderChart({ values }).objects)[0], 'Deployment').spec.template;

const role = (name: string): readonly string[] => [
  `ClusterRole/sequentialjob-${name}`,
  `ClusterRoleBinding/sequentialjob-${name}`,
];

describe('values', () => {
  it('by default are valid against their schema', () => {
    expect(faults(parse(read('values.yaml')) as Values)).toEqual([]);
  });

  it('are all in the schema', () => {
    const { properties } = JSON.parse(read('values.schema.json')) as { properties: object };
    expect(Object.keys(properties).sort()).toEqual(
      [...Object.keys(parse(read('values.yaml')) as object), 'global'].sort(),
    );
  });

  it.each<[string, Values]>([
    ['an unknown value', { replica: 3 }],
    ['an unknown field of a value', { image: { name: 'x' } }],
    ['an invalid role', { roles: 'webhook' }],
    ['a reserved priority class', { priorityClass: { create: true, name: 'system-cluster-critical' } }],
    ['a flag without dashes', { extraArgs: ['workers=4'] }],
    ['a timeoutSeconds that Kubernetes rejects', { webhook: { timeoutSeconds: 60 } }],
    ['an invalid digest', { image: { digest: 'latest' } }],
    ['an invalid rate limit', { kubeApi: { qps: -1 } }],
    ['an invalid NetworkPolicy peer', { networkPolicy: { webhookFrom: ['10.0.0.0/8'] } }],
    ['a NetworkPolicy peer that matches all clients', { networkPolicy: { webhookFrom: [{}] } }],
    ['an empty list of client subjects', { webhook: { clientCA: { configMapName: 'ca', subjects: [] } } }],
    ['a client subject with a comma', { webhook: { clientCA: { subjects: ['a,b'] } } }],
    ['an invalid port', { networkPolicy: { apiServerPorts: ['https'] } }],
    ['an address without a prefix length', { networkPolicy: { apiServerCIDRs: ['10.0.0.1'] } }],
    ['disabled TLS verification', { extraEnv: [{ name: 'NODE_TLS_REJECT_UNAUTHORIZED', value: '0' }] }],
    ['NODE_OPTIONS, because the chart sets the heap limits', { extraEnv: [{ name: 'NODE_OPTIONS' }] }],
    [
      'a compile cache, whose code would be executed at the start',
      { extraEnv: [{ name: 'NODE_COMPILE_CACHE', value: '/tmp' }] },
    ],
    ['two controllers without leader election', { leaderElection: { enabled: false } }],
    ['a flag that disables leader election', { extraArgs: ['--leader-elect=false'] }],
    ['a flag that changes the role', { extraArgs: ['--role=all'] }],
    ['a flag that checks Secrets without the permission', { extraArgs: ['--check-secrets'] }],
    ['a flag that sets another operator namespace', { extraArgs: ['--operator-namespace=nobody'] }],
    [
      'an environment variable that replaces a flag',
      { extraEnv: [{ name: 'SEQUENTIALJOB_OPERATOR_NAMESPACE', value: 'nobody' }] },
    ],
  ])('are rejected for %s', (_name, values) => {
    expect(faults(values)).not.toEqual([]);
  });

  it('reject each flag that the chart sets itself, because the last one would count', () => {
    const values = {
      watchNamespace: 'team',
      secretCheck: { enabled: true },
      kubeApi: { qps: 50 },
      webhook: { clientCA: { configMapName: 'ca' } },
    };
    const [container] = pod(values).spec.containers;
    const flags = (container?.args ?? []).filter((arg) => arg.startsWith('--'));
    expect(flags.length).toBeGreaterThan(10);
    expect(flags.filter((flag) => faults({ extraArgs: [flag] }).length === 0)).toEqual([]);
  });

  it.each<[string, Values, readonly string[], readonly string[]]>([
    ['nothing', {}, [], []],
    [
      'roles: split adds a second Deployment with its own disruption budget, service account and network policy',
      { roles: 'split' },
      ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'ServiceAccount'].map(
        (kind) => `${kind}/sequentialjob-webhook`,
      ),
      [],
    ],
    [
      'requesterCheck disabled removes the policy',
      { requesterCheck: { enabled: false } },
      [],
      ['', 'Binding'].flatMap((suffix) =>
        ['', '-schedules'].map((of) => `ValidatingAdmissionPolicy${suffix}/sequentialjob-requester${of}`),
      ),
    ],
    [
      'dependencyCheck disabled removes its role',
      { dependencyCheck: { enabled: false } },
      [],
      role('dependency-check'),
    ],
    ['secretCheck adds its role', { secretCheck: { enabled: true } }, role('secret-check'), []],
    [
      'podDisruptionBudget',
      { podDisruptionBudget: { enabled: false } },
      [],
      ['PodDisruptionBudget/sequentialjob-controller'],
    ],
    ['networkPolicy', { networkPolicy: { enabled: false } }, [], ['NetworkPolicy/sequentialjob']],
    ['serviceMonitor', { serviceMonitor: { enabled: true } }, ['ServiceMonitor/sequentialjob'], []],
    [
      'priorityClass adds a policy that reserves it',
      { priorityClass: { create: true } },
      [
        'PriorityClass/sequentialjob',
        'ValidatingAdmissionPolicy/sequentialjob-priority-class',
        'ValidatingAdmissionPolicyBinding/sequentialjob-priority-class',
      ],
      [],
    ],
    ['an existing priorityClass adds nothing', { priorityClass: { name: 'system-cluster-critical' } }, [], []],
    [
      'crds.install',
      { crds: { install: false } },
      [],
      ['cronsequentialjobs', 'sequentialjobs'].map((name) => `CustomResourceDefinition/${name}.batch.example.com`),
    ],
    [
      'rbac.aggregate',
      { rbac: { aggregate: false } },
      [],
      ['admin', 'edit', 'view'].map((name) => `ClusterRole/sequentialjob-${name}`),
    ],
    [
      'your own issuer removes the CA',
      { certManager: { issuerRef: { name: 'corporate', kind: 'ClusterIssuer' } } },
      [],
      ['Certificate/sequentialjob-ca', 'Issuer/sequentialjob-ca', 'Issuer/sequentialjob-self-signed'],
    ],
    [
      'watchNamespace replaces cluster-wide permissions by those in the namespace',
      { watchNamespace: 'team' },
      ['RoleBinding/sequentialjob-controller', 'RoleBinding/sequentialjob-dependency-check'],
      ['ClusterRoleBinding/sequentialjob-controller', 'ClusterRoleBinding/sequentialjob-dependency-check'],
    ],
    [
      'no cert-manager adds a Secret with a certificate',
      { certManager: { enabled: false } },
      ['Secret/sequentialjob-webhook-tls'],
      [
        'Certificate/sequentialjob-ca',
        'Certificate/sequentialjob-webhook',
        'Issuer/sequentialjob-ca',
        'Issuer/sequentialjob-self-signed',
      ],
    ],
  ])('change the installed objects: %s', (_name, values, more, less) => {
    expect(faults(values)).toEqual([]);
    expect(difference({ values, cluster: CLUSTER })).toEqual({ more, less });
  });
});

describe('the Pods', () => {
  it('have the additional labels, arguments and environment variables', () => {
    const values = {
      image: { digest: `sha256:${'0'.repeat(64)}` },
      imagePullSecrets: [{ name: 'registry' }],
      nodeSelector: { disk: 'ssd' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpread: false,
      podLabels: { team: 'a' },
      podAnnotations: { note: 'b' },
      kubeApi: { qps: 50 },
      extraArgs: ['--log-level=debug'],
      extraEnv: [{ name: 'HTTPS_PROXY', value: 'http://proxy' }],
      watchNamespace: 'team',
      replicas: 1,
      leaderElection: { enabled: false },
      priorityClass: { name: 'system-cluster-critical' },
    };
    expect(faults(values)).toEqual([]);
    const { metadata, spec } = pod(values);
    expect(metadata).toMatchObject({ labels: { team: 'a' }, annotations: { note: 'b' } });
    expect(spec).toMatchObject({
      imagePullSecrets: values.imagePullSecrets,
      nodeSelector: values.nodeSelector,
      tolerations: values.tolerations,
      affinity: values.affinity,
      priorityClassName: 'system-cluster-critical',
    });
    expect(spec).not.toHaveProperty('topologySpreadConstraints');
    expect(spec.containers[0]?.image).toBe(`registry.example.com/sequentialjob@${values.image.digest}`);
    expect(spec.containers[0]?.args).toEqual([
      'run',
      '--role=all',
      '--metrics-port=8080',
      '--health-port=8081',
      '--cert-dir=/certificate',
      '--shutdown-delay=5',
      '--namespace=team',
      '--kube-api-qps=50',
      '--kube-api-burst=0',
      '--log-level=debug',
    ]);
    expect(spec.containers[0]?.env).toContainEqual(values.extraEnv[0]);
  });
});

/** Each with what its line in the notes has to say. */
const WEAKER: readonly (readonly [string, Rendering, RegExp])[] = [
  ['failurePolicy', { values: { webhook: { failurePolicy: 'Ignore' } } }, /stored unchecked/],
  [
    'a namespaceSelector',
    { values: { webhook: { namespaceSelector: { matchLabels: { a: 'b' } } } } },
    /other namespaces/,
  ],
  ['no NetworkPolicy', { values: { networkPolicy: { enabled: false } } }, /every Pod of the cluster/],
  ['secretCheck', { values: { secretCheck: { enabled: true } } }, /read every Secret/],
  [
    'no leader election',
    { values: { replicas: 1, leaderElection: { enabled: false }, podDisruptionBudget: { enabled: false } } },
    /second controller/,
  ],
  [
    'a priority class on an old server',
    { values: { priorityClass: { create: true } }, version: 'v1.29.4' },
    /may name the class/,
  ],
  [
    'a private key that the chart creates',
    { values: { certManager: { enabled: false } }, cluster: CLUSTER },
    /private key/,
  ],
  ['a disruption budget for a single Pod', { values: { replicas: 1 } }, /with replicas: 1: no node .* can be drained/],
  [
    'a disruption budget above the number of replicas',
    { values: { podDisruptionBudget: { minAvailable: 3 } } },
    /with replicas: 2: no node .* can be drained/,
  ],
  [
    'a percentage that is rounded up to all replicas',
    { values: { replicas: 3, podDisruptionBudget: { minAvailable: '67%' } } },
    /67% with replicas: 3: no node .* can be drained/,
  ],
  [
    'a disruption budget of all replicas',
    { values: { podDisruptionBudget: { minAvailable: '100%' } } },
    /can be drained/,
  ],
  ['a single Pod of the webhook', { values: { roles: 'split', webhookReplicas: 1 } }, /webhookReplicas: 1: no node/],
  ['an additional flag', { values: { extraArgs: ['--log-level=debug'] } }, /extraArgs: --log-level=debug/],
  ['an additional environment variable', { values: { extraEnv: [{ name: 'A', value: 'b' }] } }, /extraEnv: A/],
  ['the namespace default', { namespace: 'default' }, /in the namespace default/],
  [
    'the operator’s own namespace as watchNamespace',
    { values: { watchNamespace: 'a' }, namespace: 'a' },
    /operator's own namespace/,
  ],
];

describe('values that reduce the protection', () => {
  const weaker = (rendering: Rendering): readonly string[] => {
    const [, part = ''] = renderChart(rendering).notes.split('Weaker than by default:\n');
    return (
      part
        .split('\n\n')[0]
        ?.split('\n')
        .filter((line) => line !== '') ?? []
    );
  };

  it('do not exist by default, for any server and role setting', () => {
    for (const rendering of [{}, { version: 'v1.20.3' }, { values: { roles: 'split' } }]) {
      expect(renderChart(rendering).notes).not.toContain('Weaker');
      expect(weaker(rendering)).toEqual([]);
    }
  });

  it.each(WEAKER)('are listed in the notes in one line: %s', (_what, rendering, says) => {
    expect(faults(rendering.values ?? {})).toEqual([]);
    expect(weaker(rendering)).toEqual([expect.stringMatching(says)]);
  });
});

describe('the network policies', () => {
  const specs = (values: Values): readonly unknown[] =>
    ofKind(renderChart({ values }).objects, 'NetworkPolicy').map(({ spec }) => spec);

  it('allow egress to the API server’s addresses only, if they are configured', () => {
    const networkPolicy = { apiServerPorts: [6443], apiServerCIDRs: ['10.0.0.1/32', 'fd00::1/128'], dns: false };
    const ports = [{ port: 6443, protocol: 'TCP' }];
    const to = networkPolicy.apiServerCIDRs.map((cidr) => ({ ipBlock: { cidr } }));
    expect(faults({ networkPolicy })).toEqual([]);
    expect(specs({ networkPolicy })).toEqual([expect.objectContaining({ egress: [{ ports, to }] })]);
    expect(specs({ roles: 'split', networkPolicy })).toEqual([
      expect.objectContaining({ egress: [{ ports, to }] }),
      expect.not.objectContaining({ egress: expect.anything() }),
    ]);
  });
});

describe('without leader election', () => {
  it('an update stops the old controller before it starts the new one; the Deployment of the webhook is still updated gradually', () => {
    const strategies = (values: Values): unknown =>
      deployments(renderChart({ values }).objects).map(
        ({ spec }) => (spec as unknown as { strategy: { type: string } }).strategy.type,
      );
    expect(strategies({ roles: 'split' })).toEqual(['RollingUpdate', 'RollingUpdate']);
    const values = { replicas: 1, leaderElection: { enabled: false } };
    expect(strategies(values)).toEqual(['Recreate']);
    expect(strategies({ ...values, roles: 'split' })).toEqual(['Recreate', 'RollingUpdate']);
  });
});

describe('access to the webhook', () => {
  const CLIENT_CA = { webhook: { clientCA: { configMapName: 'ours', subjects: ['kube-apiserver', 'front-proxy'] } } };
  const FROM = { networkPolicy: { webhookFrom: [{ ipBlock: { cidr: '10.0.0.0/28' } }] } };
  const OPEN = 'Every Pod of this cluster can connect to the webhook';

  const webhookRule = (values: Values): unknown => {
    const [policy] = ofKind(renderChart({ values }).objects, 'NetworkPolicy');
    const { ingress } = present(policy, 'NetworkPolicy')['spec'] as {
      ingress: readonly { ports: readonly { port: number }[] }[];
    };
    return ingress.find(({ ports }) => ports[0]?.port === 9443);
  };

  it('is possible for all Pods by default, as the notes say', () => {
    expect(webhookRule({})).toEqual({ ports: [{ port: 9443, protocol: 'TCP' }] });
    expect(renderChart({ values: {} }).notes).toContain(OPEN);
    expect(
      renderChart({ values: { ...FROM, networkPolicy: { ...FROM.networkPolicy, enabled: false } } }).notes,
    ).toContain(OPEN);
  });

  it('can be restricted to addresses', () => {
    expect(faults(FROM)).toEqual([]);
    expect(webhookRule(FROM)).toEqual({
      ports: [{ port: 9443, protocol: 'TCP' }],
      from: FROM.networkPolicy.webhookFrom,
    });
    expect(renderChart({ values: FROM }).notes).not.toContain(OPEN);
  });

  it.each([['all'], ['split']])('can be restricted to clients with a certificate, with the roles: %s', (roles) => {
    const values = { ...CLIENT_CA, roles };
    expect(faults(values)).toEqual([]);
    const { objects, notes } = renderChart({ values });
    expect(notes).not.toContain(OPEN);
    for (const { spec } of deployments(objects)) {
      const [container] = spec.template.spec.containers;
      const config = parseConfig(container?.args.slice(1) ?? [], {});
      const serves = config.role !== 'controller';
      expect(config).toMatchObject({
        clientCaFile: serves ? '/client-ca/ca.crt' : undefined,
        clientSubjects: serves ? ['kube-apiserver', 'front-proxy'] : ['kube-apiserver'],
      });
      const mount = container?.volumeMounts.find(({ mountPath }) => mountPath === '/client-ca');
      expect(mount?.name).toBe(serves ? 'client-ca' : undefined);
      const volume = spec.template.spec.volumes.find(({ name }) => name === 'client-ca');
      expect(volume).toEqual(serves ? { name: 'client-ca', configMap: { name: 'ours' } } : undefined);
    }
  });
});

describe('the certificate without cert-manager', () => {
  const OWN = { certManager: { enabled: false } };
  const data = { 'ca.crt': 'Y2E=', 'tls.crt': 'Y3J0', 'tls.key': 'a2V5' };
  const metadata = { name: 'sequentialjob-webhook-tls', namespace: 'sequentialjob-system' };
  const INSTALLED: Rendering['cluster'] = [{ apiVersion: 'v1', kind: 'Secret', metadata, data }];
  interface Trusting {
    readonly clientConfig: { readonly caBundle?: string };
  }
  /** Of both webhook configurations, and of the conversion. */
  const bundles = (objects: readonly Manifest[]): readonly (string | undefined)[] => [
    ...objects
      .filter(({ kind }) => kind.endsWith('WebhookConfiguration'))
      .map((one) => (one['webhooks'] as readonly Trusting[])[0]?.clientConfig.caBundle),
    ...ofKind(objects, 'CustomResourceDefinition').flatMap(({ spec }) => {
      const { conversion } = spec as { conversion?: { webhook: Trusting } };
      return conversion === undefined ? [] : [conversion.webhook.clientConfig.caBundle];
    }),
  ];
  const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();

  it('is issued by the chart, and the webhook configurations and the conversion trust its CA', () => {
    const { objects, notes } = renderChart({ values: OWN, cluster: CLUSTER });
    const data = ofKind(objects, 'Secret')[0]?.['data'] as Record<string, string>;
    expect(bundles(objects)).toEqual(Array(3).fill(data['ca.crt']));
    const host = 'sequentialjob-webhook.sequentialjob-system.svc';
    expect(decode(data['tls.crt'])).toBe(`certificate for ${host}, ${host}.cluster.local by ${decode(data['ca.crt'])}`);
    expect(notes).toContain('delete secret sequentialjob-webhook-tls');
  });

  it('is kept by an upgrade', () => {
    const { objects } = renderChart({ values: OWN, cluster: INSTALLED });
    expect(ofKind(objects, 'Secret')[0]?.['data']).toEqual(data);
    expect(bundles(objects)).toEqual(['Y2E=', 'Y2E=', 'Y2E=']);
  });

  it('is not in Helm’s release Secrets by default, or with a Secret of your own', () => {
    for (const values of [{}, { roles: 'split' }, { ...OWN, certificate: { secretName: 'mine', caBundle: 'PEM' } }]) {
      const { objects } = renderChart({ values });
      expect(ofKind(objects, 'Secret')).toEqual([]);
      expect(JSON.stringify(objects)).not.toMatch(/"tls\.key"|PRIVATE KEY/);
    }
  });

  it('is rejected if the chart cannot look up the existing one, and the error names the value to set', () => {
    for (const values of [OWN, { ...OWN, roles: 'split' }, { ...OWN, certificate: { caBundle: 'PEM' } }]) {
      expect(() => renderChart({ values })).toThrow(
        /Set certManager\.enabled=true, or certificate\.secretName and certificate\.caBundle/,
      );
    }
  });

  it('can be your own', () => {
    const certificate = { secretName: 'mine', caBundle: 'PEM' };
    const { objects } = renderChart({ values: { certManager: { enabled: false }, certificate } });
    expect(ofKind(objects, 'Secret')).toEqual([]);
    expect(bundles(objects).map(decode)).toEqual(['PEM', 'PEM', 'PEM']);
    expect(() =>
      renderChart({ values: { certManager: { enabled: false }, certificate: { secretName: 'mine' } } }),
    ).toThrow('certificate.secretName needs certificate.caBundle');
  });
});

describe('parts that depend on the version of the server', () => {
  const crd = (version: string): string =>
    JSON.stringify(ofKind(renderChart({ version }).objects, 'CustomResourceDefinition'));

  it.each([
    ['v1.20.2', 'policy/v1beta1', false],
    ['v1.24.17', 'policy/v1', false],
    ['v1.25.0-gke.100', 'policy/v1', true],
    ['v1.36.2', 'policy/v1', true],
  ])('%s: disruption budgets are %s, CEL rules: %s', (version, policy, hasRules) => {
    const [budget] = ofKind(renderChart({ version }).objects, 'PodDisruptionBudget');
    expect(budget?.apiVersion).toBe(policy);
    expect(crd(version).split('x-kubernetes-validations').length - 1).toBe(hasRules ? 3 : 0);
  });

  it.each([
    ['v1.29.9', []],
    ['v1.30.0', ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding']],
  ])('%s: the priority class is reserved by %j', (version, kinds) => {
    const { objects } = renderChart({ version, values: { priorityClass: { create: true } } });
    const those = objects.filter(({ metadata }) => !metadata.name.startsWith('sequentialjob-requester'));
    expect(those.map(({ kind }) => kind).filter((kind) => kind.startsWith('ValidatingAdmission'))).toEqual(kinds);
  });

  interface Versions {
    readonly conversion: { readonly webhook: { readonly clientConfig: { readonly service: object } } };
    readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean }[];
  }
  const crdOf = (plural: string, rendering: Rendering): Manifest | undefined =>
    ofKind(renderChart(rendering).objects, 'CustomResourceDefinition').find(
      ({ metadata }) => metadata.name === `${plural}.batch.example.com`,
    );
  const definition = (rendering: Rendering): Versions => crdOf('sequentialjobs', rendering)?.['spec'] as Versions;

  it.each<readonly [string, Values, readonly (readonly unknown[])[]]>([
    [
      'v1beta1 is stored, and both are served',
      {},
      [
        ['v1beta1', true, true],
        ['v1alpha1', true, false],
      ],
    ],
    [
      'v1alpha1 is stored, until the Pods of an older release are gone',
      { crds: { storedVersion: 'v1alpha1' } },
      [
        ['v1beta1', true, false],
        ['v1alpha1', true, true],
      ],
    ],
    [
      'v1alpha1 is not served when nobody uses it',
      { crds: { serveV1alpha1: false } },
      [
        ['v1beta1', true, true],
        ['v1alpha1', false, false],
      ],
    ],
  ])('the versions: %s', (_says, values, expected) => {
    for (const version of ['v1.20.2', 'v1.36.0']) {
      const { versions } = definition({ values, version });
      expect(versions.map(({ name, served, storage }) => [name, served, storage])).toEqual(expected);
    }
  });

  it("the conversion webhook is that of the release's namespace", () => {
    const { conversion } = definition({ namespace: 'elsewhere' });
    expect(conversion.webhook.clientConfig.service).toMatchObject({ namespace: 'elsewhere', path: '/convert' });
  });

  it('the CRDs are kept on uninstall, unless crds.keep is false', () => {
    const kept = (values: Values, plural = 'sequentialjobs'): unknown =>
      crdOf(plural, { values })?.metadata.annotations;
    const injected = { 'cert-manager.io/inject-ca-from': 'sequentialjob-system/sequentialjob-webhook' };
    const keep = { 'helm.sh/resource-policy': 'keep' };
    expect(kept({})).toEqual({ ...keep, ...injected });
    expect(kept({ crds: { keep: false } })).toEqual(injected);
    // It has no conversion webhook, which would need a CA.
    expect(kept({}, 'cronsequentialjobs')).toEqual(keep);
    expect(kept({ crds: { keep: false } }, 'cronsequentialjobs')).toBeUndefined();
    const certificate = { secretName: 'mine', caBundle: 'PEM' };
    expect(kept({ certManager: { enabled: false }, certificate })).toEqual(keep);
    expect(kept({ certManager: { enabled: false }, certificate, crds: { keep: false } })).toBeUndefined();
  });
});
