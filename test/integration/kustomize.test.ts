/**
 * config/ as kustomize builds it: the one in kubectl 1.20 (v2.0.3), or whichever KUBEBUILDER_ASSETS has, and that of the
 * kubectl on the PATH where it is another. What they build, a real API server takes.
 */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../cli/run/config.ts';
import { renderChart } from '../support/chart.ts';
import { tryKubectl } from '../support/cluster.ts';
import { make } from '../support/deployed.ts';
import {
  deployments,
  type Manifest,
  ofKind,
  parseManifests,
  present,
  ROOT,
  type Rule,
  selects,
} from '../support/manifests.ts';
import { restrictedFaults } from '../support/restricted.ts';
import { serverOfTests } from '../support/server-features.ts';

const server = await serverOfTests();

/** Folders with a kustomization, whichever of its names it has. */
function kustomizations(folder: string): readonly string[] {
  const names = readdirSync(join(ROOT, folder));
  const own = names.some((name) => /^kustomization(\.ya?ml)?$/i.test(name)) ? [folder] : [];
  const below = names.filter((name) => statSync(join(ROOT, folder, name)).isDirectory());
  return [...own, ...below.flatMap((name) => kustomizations(`${folder}/${name}`))];
}

const FOLDERS = [...kustomizations('config'), 'certs'];
/** What is deployed as it is; the rest are parts. */
const WHOLE = [
  'config/default',
  'config/overlays/priority-class',
  'config/overlays/secret-check',
  'config/overlays/split-roles',
  'config/overlays/without-cert-manager',
  'config/overlays/control-plane-only',
  'config/overlays/client-certificates',
] as const;

async function print(kubectl: string, folder: string): Promise<string> {
  return (await promisify(execFile)(kubectl, ['kustomize', join(ROOT, folder)], { maxBuffer: 2 ** 24 })).stdout;
}

const build = async (kubectl: string, folder: string): Promise<readonly Manifest[]> =>
  parseManifests(await print(kubectl, folder));

/** `kubectl kustomize … | config/for-server.sh 1.20`, as docs/install.md has it for an older server. */
async function buildFor(version: string, folder: string): Promise<readonly Manifest[]> {
  const printed = await print(kubectl(), folder);
  const filtering = promisify(execFile)(join(ROOT, 'config/for-server.sh'), [version], { maxBuffer: 2 ** 24 });
  // It may have come to its end without reading: how that was is told by its exit code.
  filtering.child.stdin?.on('error', () => undefined).end(printed);
  return parseManifests((await filtering).stdout);
}

const byName = (objects: readonly Manifest[]): Readonly<Record<string, Manifest>> =>
  Object.fromEntries(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));

const kubectl = (): string => join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl');

/** The kubectl on the PATH; without one there is nothing to compare with, and the other is compared with itself. */
async function onPath(): Promise<string> {
  return promisify(execFile)('kubectl', ['version', '--client']).then(() => 'kubectl', kubectl);
}

const built = new Map<string, readonly Manifest[]>();
const objectsOf = (folder: string): readonly Manifest[] => present(built.get(folder), folder);

beforeAll(async () => {
  for (const folder of FOLDERS) built.set(folder, await build(kubectl(), folder));
});

interface NetworkPolicySpec {
  readonly podSelector: object;
  readonly ingress: readonly { readonly ports: readonly { readonly port: number }[] }[];
  readonly egress?: readonly { readonly ports: readonly { readonly port: number }[] }[];
}

describe('every kustomization', () => {
  it('is found', () => {
    expect(FOLDERS).toEqual(expect.arrayContaining([...WHOLE, 'config/crd', 'config/crd/cel', 'config/prometheus']));
  });

  it('is built the same by the kubectl on the PATH', async () => {
    const other = await onPath();
    for (const folder of FOLDERS) expect(byName(await build(other, folder))).toEqual(byName(objectsOf(folder)));
  }, 60_000);
});

describe.each(WHOLE)('%s', (folder) => {
  it('has Pods that keep to the restricted profile', () => {
    const pods = deployments(objectsOf(folder)).map(({ spec }) => spec.template.spec);
    expect(pods.length).toBeGreaterThan(0);
    expect(pods.flatMap(restrictedFaults)).toEqual([]);
  });

  it('has its own Pods behind each Service, budget and Deployment, and none by accident', () => {
    const objects = objectsOf(folder);
    const templates = deployments(objects).map(({ metadata, spec }) => [metadata.name, spec.template] as const);
    const selected = (selector: Readonly<Record<string, string>>): readonly string[] =>
      templates.flatMap(([name, { metadata }]) => (selects(selector, metadata.labels) ? [name] : []));
    for (const { metadata, spec } of deployments(objects)) {
      expect(selected(spec.selector.matchLabels)).toEqual([metadata.name]);
    }
    for (const { metadata, spec } of ofKind(objects, 'PodDisruptionBudget')) {
      const { selector } = spec as { selector: { matchLabels: Record<string, string> } };
      expect(selected(selector.matchLabels)).toEqual([metadata.name]);
    }
    const behind = Object.fromEntries(
      ofKind(objects, 'Service').map(({ metadata, spec }) => {
        const { selector, ports } = spec as { selector: Record<string, string>; ports: { targetPort: string }[] };
        const pods = selected(selector);
        for (const [name, { spec: pod }] of templates.filter(([one]) => pods.includes(one))) {
          expect([name, pod.containers[0]?.ports.map((port) => port.name)]).toEqual([
            name,
            expect.arrayContaining(ports.map(({ targetPort }) => targetPort)),
          ]);
        }
        return [metadata.name, pods];
      }),
    );
    const all = templates.map(([name]) => name);
    expect(behind).toEqual({
      'sequentialjob-metrics': all,
      'sequentialjob-webhook': all.length === 1 ? all : ['sequentialjob-webhook'],
    });
  });

  it('has Pods that are probed on a port of their own: for the webhook where they serve it, else for the controller', () => {
    const probes = deployments(objectsOf(folder)).map(({ spec }) => {
      const { args, ports, readinessProbe, livenessProbe } = present(spec.template.spec.containers[0], 'container');
      expect(ports.map(({ name }) => name)).toEqual(
        expect.arrayContaining([readinessProbe.httpGet.port, livenessProbe.httpGet.port]),
      );
      return [args.find((arg) => arg.startsWith('--role=')), readinessProbe.httpGet, livenessProbe.httpGet];
    });
    const served = { port: 'health', path: '/readyz/webhook' };
    const alone = { port: 'health', path: '/readyz' };
    const isAlive = { port: 'health', path: '/healthz' };
    expect(probes).toEqual(
      folder === 'config/overlays/split-roles'
        ? [
            ['--role=controller', alone, isAlive],
            ['--role=webhook', served, isAlive],
          ]
        : [['--role=all', served, isAlive]],
    );
  });

  it('names only accounts and priority classes that it brings', () => {
    const objects = objectsOf(folder);
    const names = (kind: string): readonly string[] => ofKind(objects, kind).map(({ metadata }) => metadata.name);
    for (const { spec } of deployments(objects)) {
      expect(names('ServiceAccount')).toContain(spec.template.spec.serviceAccountName);
      const { priorityClassName } = spec.template.spec;
      expect(names('PriorityClass')).toEqual(priorityClassName === undefined ? [] : [priorityClassName]);
    }
  });

  it('is in one namespace, which it brings', () => {
    const namespaces = new Set(objectsOf(folder).flatMap(({ metadata }) => metadata.namespace ?? []));
    expect([...namespaces]).toEqual(ofKind(objectsOf(folder), 'Namespace').map(({ metadata }) => metadata.name));
  });

  it('has policies that know that namespace, of which one refuses SequentialJobs there', () => {
    const policies = ofKind(objectsOf(folder), 'ValidatingAdmissionPolicy').map(({ metadata }) => metadata.name);
    expect(policies).toContain('sequentialjob-requester');
    expect(operatorNamespaces(objectsOf(folder))).toEqual(policies.map(() => "'sequentialjob-system'"));
  });
});

/** What the policies compare the namespace of a request with, as expressions. */
const operatorNamespaces = (objects: readonly Manifest[]): readonly string[] =>
  ofKind(objects, 'ValidatingAdmissionPolicy').flatMap(({ spec }) =>
    (spec as { readonly variables: readonly { readonly expression: string }[] }).variables.map((one) => one.expression),
  );

describe('a kustomization that puts it into another namespace', () => {
  it('has that in the policies, too, with whichever kubectl', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-elsewhere-'));
    try {
      // With all policies that there are.
      const base = relative(folder, join(ROOT, 'config/overlays/priority-class'));
      const lines = ['namespace: elsewhere', 'bases:', `  - ${base}`];
      await writeFile(join(folder, 'kustomization.yaml'), `${lines.join('\n')}\n`);
      for (const one of new Set([kubectl(), await onPath()])) {
        const { stdout } = await promisify(execFile)(one, ['kustomize', folder], { maxBuffer: 2 ** 24 });
        expect(operatorNamespaces(parseManifests(stdout))).toEqual(["'elsewhere'", "'elsewhere'"]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('the overlays', () => {
  it('without-cert-manager has nothing of cert-manager’s', () => {
    expect(JSON.stringify(objectsOf('config/overlays/without-cert-manager'))).not.toContain('cert-manager');
  });

  it('split-roles gives the webhook neither token nor permission, and the controller neither port nor certificate', () => {
    const objects = objectsOf('config/overlays/split-roles');
    const pods = Object.fromEntries(deployments(objects).map((one) => [one.metadata.name, one.spec.template.spec]));
    expect(pods['sequentialjob-webhook']).toMatchObject({ automountServiceAccountToken: false });
    const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
    expect(JSON.stringify(bindings)).not.toContain('"sequentialjob-webhook"');
    expect(pods['sequentialjob-controller']?.containers[0]?.ports.map(({ name }) => name)).toEqual([
      'metrics',
      'health',
    ]);
    expect(pods['sequentialjob-controller']?.volumes).toEqual([]);
  });

  it('split-roles lets the webhook reach nothing, and nobody but scrapers the controller', () => {
    const policies = Object.fromEntries(
      ofKind(objectsOf('config/overlays/split-roles'), 'NetworkPolicy').map(({ metadata, spec }) => [
        metadata.name,
        spec as NetworkPolicySpec,
      ]),
    );
    const of = (name: string, component: string): NetworkPolicySpec => {
      const policy = present(policies[name], name);
      const matchLabels = { 'app.kubernetes.io/name': 'sequentialjob', 'app.kubernetes.io/component': component };
      expect(policy).toMatchObject({ podSelector: { matchLabels }, policyTypes: ['Ingress', 'Egress'] });
      return policy;
    };
    const ports = (rules: readonly { readonly ports: readonly { readonly port: number }[] }[] = []) =>
      rules.flatMap((rule) => rule.ports.map(({ port }) => port));
    const [webhook, controller] = [of('sequentialjob-webhook', 'webhook'), of('sequentialjob', 'controller')];
    expect(Object.keys(policies)).toHaveLength(2);
    expect(ports(webhook.egress)).toEqual([]);
    expect(ports(webhook.ingress)).toEqual([9443, 8080]);
    expect(ports(controller.ingress)).toEqual([8080]);
    expect(ports(controller.egress)).toEqual([443, 6443, 8443, 16_443, 53, 53]);
  });

  it('secret-check lets the controller read Secrets, and has it do so', () => {
    const objects = objectsOf('config/overlays/secret-check');
    const args = deployments(objects).flatMap(({ spec }) => spec.template.spec.containers[0]?.args ?? []);
    expect(args).toContain('--check-secrets');
    expect(byName(objects)).toHaveProperty(['ClusterRoleBinding/sequentialjob-secret-check']);
  });

  it.each(WHOLE.filter((folder) => !folder.endsWith('secret-check')))('%s lets nobody read Secrets', (folder) => {
    const rules = objectsOf(folder).flatMap((object) => (object['rules'] ?? []) as readonly Rule[]);
    expect(rules.filter(({ resources }) => resources.includes('secrets'))).toEqual([]);
  });

  it('split-roles differs between its two Deployments in what the role demands', () => {
    const [one, two] = deployments(objectsOf('config/overlays/split-roles')).map(({ spec }) => {
      const { containers, ...pod } = spec.template.spec;
      const {
        args: _args,
        ports: _ports,
        volumeMounts: _mounts,
        readinessProbe: _probe,
        ...container
      } = present(containers[0], 'container');
      const { serviceAccountName: _name, automountServiceAccountToken: _token, volumes: _volumes, ...rest } = pod;
      return JSON.stringify({ ...rest, container }).replaceAll(/"(controller|webhook)"/g, '"role"');
    });
    expect(one).toBe(two);
  });
});

describe('who may ask the webhook', () => {
  interface Rule {
    readonly from?: readonly object[];
    readonly ports: readonly { readonly port: number }[];
  }

  const rules = (folder: string): readonly Rule[] => {
    const policy = present(ofKind(objectsOf(folder), 'NetworkPolicy')[0], 'NetworkPolicy');
    return (policy['spec'] as { readonly ingress: readonly Rule[] }).ingress;
  };

  it('control-plane-only changes the peers of the webhook’s port and nothing else', () => {
    const [before, after] = ['config/certmanager', 'config/overlays/control-plane-only'].map(rules);
    expect(before?.map(({ ports }) => ports)).toEqual(after?.map(({ ports }) => ports));
    expect(before?.[0]?.from).toBeUndefined();
    expect(after?.[0]).toMatchObject({ from: [{ ipBlock: { cidr: '192.0.2.0/24' } }], ports: [{ port: 9443 }] });
    expect(after?.[1]).toEqual(before?.[1]);
    const others = (folder: string): readonly Manifest[] =>
      objectsOf(folder).filter(({ kind }) => kind !== 'NetworkPolicy');
    expect(others('config/overlays/control-plane-only')).toEqual(others('config/certmanager'));
  });

  it.each(['config/certmanager', 'config/overlays/split-roles'])(
    'Cilium’s sample is about the Pods of %s',
    async (folder) => {
      const file = join(ROOT, 'config/overlays/control-plane-only/cilium.yaml');
      const [policy] = parseManifests(await readFile(file, 'utf8'));
      const { endpointSelector, ingress } = present(policy, 'policy')['spec'] as {
        readonly endpointSelector: { readonly matchLabels: Readonly<Record<string, string>> };
        readonly ingress: readonly { readonly toPorts: readonly { readonly ports: readonly { port: string }[] }[] }[];
      };
      const serving = deployments(objectsOf(folder)).filter(({ spec }) =>
        selects(endpointSelector.matchLabels, spec.template.metadata.labels),
      );
      const ports = serving.flatMap(({ spec }) => spec.template.spec.containers[0]?.ports ?? []);
      const webhook = ports.filter(({ name }) => name === 'webhook').map(({ containerPort }) => `${containerPort}`);
      expect(webhook).toEqual(
        ingress.flatMap(({ toPorts }) => toPorts.flatMap(({ ports: to }) => to.map(({ port }) => port))),
      );
    },
  );

  it('client-certificates asks clients for a certificate of an authority that it mounts', () => {
    const [deployment] = deployments(objectsOf('config/overlays/client-certificates'));
    const { containers, volumes } = present(deployment, 'Deployment').spec.template.spec;
    const { args, env, volumeMounts } = present(containers[0], 'container');
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const { clientCaFile = '', clientSubjects } = parseConfig(args.slice(1), variables);
    expect(clientSubjects).toEqual(['kube-apiserver']);
    const mount = present(
      volumeMounts.find(({ mountPath }) => clientCaFile === `${mountPath}/ca.crt`),
      'mount',
    );
    expect(volumes).toContainEqual({ name: mount.name, configMap: { name: 'sequentialjob-webhook-client-ca' } });
    expect(volumes.map(({ name }) => name)).toContain('certificate');
  });
});

/** What Helm says of an object beside what it is, and what is another's to bring. */
function withoutHelm({ metadata, ...object }: Manifest): Manifest {
  const own = (all: Readonly<Record<string, string>> = {}, not: readonly string[]): object => {
    const left = Object.entries(all).filter(([key]) => !not.includes(key));
    return left.length === 0 ? {} : Object.fromEntries(left);
  };
  const { labels, annotations, ...rest } = metadata;
  const helms = ['app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', 'helm.sh/chart'];
  const text = JSON.stringify({
    ...object,
    metadata: { ...rest, labels: own(labels, helms), annotations: own(annotations, ['helm.sh/resource-policy']) },
  });
  return JSON.parse(text.replaceAll('"imagePullPolicy":"IfNotPresent",', '')) as Manifest;
}

describe('the chart', () => {
  it.each([
    ['config/default', 'v1.36.0', {}, ['config/default']],
    [
      'config/overlays/split-roles with the definition',
      'v1.36.0',
      { roles: 'split' },
      ['config/crd/cel', 'config/dependency-check', 'config/overlays/split-roles'],
    ],
    ['config/overlays/secret-check', 'v1.36.0', { secretCheck: { enabled: true } }, ['config/overlays/secret-check']],
    [
      'config/overlays/priority-class',
      'v1.36.0',
      { priorityClass: { create: true } },
      ['config/overlays/priority-class'],
    ],
    [
      'config/certmanager without the definition',
      'v1.36.0',
      { crds: { install: false }, dependencyCheck: { enabled: false } },
      ['config/certmanager'],
    ],
  ])('is %s', (_name, version, values, folders) => {
    const chart = renderChart({ version, values }).objects.map(withoutHelm);
    const expected = folders.flatMap(objectsOf).filter(({ kind }) => kind !== 'Namespace');
    expect(byName(chart)).toEqual(byName(expected.map(withoutHelm)));
  });

  it.each(['1.20', '1.24', '1.25', '1.27', '1.28', '1.29', '1.30'])(
    'is what config/for-server.sh makes of config/default for Kubernetes %s',
    async (version) => {
      const chart = renderChart({ version: `v${version}.3` }).objects.map(withoutHelm);
      const expected = (await buildFor(version, 'config/default')).filter(({ kind }) => kind !== 'Namespace');
      expect(byName(chart)).toEqual(byName(expected.map(withoutHelm)));
    },
  );

  it.each(['1.27', '1.29', '1.30'])(
    'keeps its priority class from others as config/for-server.sh has it for Kubernetes %s',
    async (version) => {
      const values = { priorityClass: { create: true } };
      const chart = renderChart({ version: `v${version}.3`, values }).objects.map(withoutHelm);
      const built = await buildFor(version, 'config/overlays/priority-class');
      const expected = built.filter(({ kind }) => kind !== 'Namespace');
      expect(byName(chart)).toEqual(byName(expected.map(withoutHelm)));
    },
  );

  it('scrapes as config/prometheus does', () => {
    const endpoint = (objects: readonly Manifest[]): unknown => {
      const spec = ofKind(objects, 'ServiceMonitor')[0]?.['spec'] as { endpoints: object[]; selector: object };
      const { port, path } = present(spec.endpoints[0], 'endpoint') as { port: string; path: string };
      return { selector: spec.selector, port, path };
    };
    const values = { serviceMonitor: { enabled: true } };
    expect(endpoint(renderChart({ values }).objects)).toEqual(endpoint(objectsOf('config/prometheus')));
  });
});

describe('config/for-server.sh', () => {
  const definition = (objects: readonly Manifest[]): Manifest | undefined =>
    ofKind(objects, 'CustomResourceDefinition')[0];

  it('leaves all as it is without a version', async () => {
    expect(await buildFor('', 'config/default')).toEqual(objectsOf('config/default'));
  });

  it('takes out of the definition all that the one for every server does not have, and nothing else', async () => {
    const [before, after] = await Promise.all(['1.25', '1.24'].map((version) => buildFor(version, 'config/default')));
    expect(definition(present(before, 'manifests'))).toEqual(objectsOf('config/crd/cel')[0]);
    expect(definition(present(after, 'manifests'))).toEqual(objectsOf('config/crd')[0]);
  });

  it('refuses what is no version of Kubernetes 1', async () => {
    await expect(buildFor('2.0', 'config/crd')).rejects.toMatchObject({ code: 2 });
  });
});

describe('make build-installer', () => {
  const installer = async (...variables: readonly string[]): Promise<readonly Manifest[]> => {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-installer-'));
    const file = join(folder, 'install.yaml');
    try {
      await make('build-installer', 'CERT=', `INSTALLER=${file}`, ...variables);
      return parseManifests(await readFile(file, 'utf8'));
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('writes what config/default is: the definition with its rules, for the newest servers', async () => {
    expect(byName(await installer())).toEqual(byName(objectsOf('config/default')));
  }, 30_000);

  it('leaves out the policy when that is asked for, and nothing else', async () => {
    const rest = objectsOf('config/default').filter(({ kind }) => !kind.startsWith('ValidatingAdmissionPolicy'));
    expect(byName(await installer('REQUESTER_CHECK=no'))).toEqual(byName(rest));
  }, 30_000);

  it.each([
    ['SECRET_CHECK=yes', ['config/overlays/secret-check']],
    ['PRIORITY_CLASS=sequentialjob', ['config/overlays/priority-class']],
    ['DEPENDENCY_CHECK=no', ['config/crd/cel', 'config/certmanager']],
    ['ROLES=split', ['config/crd/cel', 'config/dependency-check', 'config/overlays/split-roles']],
  ])(
    'writes with %s what is in %j',
    async (variable, folders) => {
      expect(byName(await installer(variable))).toEqual(byName(folders.flatMap(objectsOf)));
    },
    30_000,
  );

  it('gives with ROLES=split the flag to the controller alone, and the class to both', async () => {
    const objects = await installer('ROLES=split', 'SECRET_CHECK=yes', 'PRIORITY_CLASS=high');
    const seen = deployments(objects).map(({ metadata, spec: { template } }) => [
      metadata.name,
      template.spec.containers[0]?.args.includes('--check-secrets'),
      template.spec.priorityClassName,
    ]);
    expect(seen).toEqual([
      ['sequentialjob-controller', true, 'high'],
      ['sequentialjob-webhook', false, 'high'],
    ]);
    // Of a class that is not ours nothing is brought.
    expect(ofKind(objects, 'PriorityClass')).toEqual([]);
  }, 30_000);

  it('writes for an older server when that is asked for', async () => {
    expect(byName(await installer('SERVER=1.20'))).toEqual(byName(await buildFor('1.20', 'config/default')));
  }, 30_000);
});

describe('a real API server', () => {
  /** Kinds of others, which are not there. */
  const isForeign = ({ apiVersion }: Manifest): boolean => /^(cert-manager|monitoring)\./.test(apiVersion);

  it.each(WHOLE)('takes %s, as it is made for it', async (folder) => {
    const objects = (await buildFor(`1.${server.minor}`, folder)).filter((object) => !isForeign(object));
    const namespaces = ofKind(objects, 'Namespace');
    // The namespace has to be there for what is in it, also where nothing is stored.
    expect(await tryKubectl(['apply', '-f', '-'], ...namespaces)).toMatchObject({ code: 0 });
    const dry = ['apply', '--dry-run=server', '-f', '-'];
    expect(await tryKubectl(dry, ...objects)).toMatchObject({ code: 0, stderr: '' });
  });

  /** A kubectl that stores nothing, for make; without the definition, it knows no SequentialJobs. */
  async function withDryKubectl<T>(use: (path: string) => Promise<T>, definition: 'installed' | 'gone'): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-deploy-'));
    const path = join(folder, 'kubectl');
    const lines = [
      '#!/bin/sh',
      ...(definition === 'gone' ? ['[ "$1 $2" != "get sequentialjobs" ] || exit 1'] : []),
      'case $1 in apply|delete) verb=$1; shift; set -- "$verb" --dry-run=server "$@";; esac',
      `exec '${kubectl()}' "$@"`,
    ];
    await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o755 });
    try {
      return await use(path);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const OVERLAY = 'OVERLAY=config/overlays/without-cert-manager';

  it('is asked by make deploy, which applies what fits it', async () => {
    const deploy = async (path: string): Promise<string> => make('deploy', 'CERT=', OVERLAY, `KUBECTL=${path}`);
    const said = await withDryKubectl(deploy, 'installed');
    expect(said).toMatch(/validatingwebhookconfiguration\S* \S*(created|configured|unchanged)/);
    expect(said).toMatch(server.knowsRules ? /apply -f config\/crd\/cel\// : /apply -f config\/crd\/batch/);
  }, 30_000);

  it('is asked by make undeploy, which works also where the definition is gone already', async () => {
    const undeploy = async (path: string): Promise<string> => make('undeploy', 'CERT=', OVERLAY, `KUBECTL=${path}`);
    await expect(withDryKubectl(undeploy, 'gone')).resolves.toEqual(expect.any(String));
  }, 30_000);
});
