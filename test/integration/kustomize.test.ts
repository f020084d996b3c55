/**
 * config/ as kustomize builds it: the one in kubectl 1.20 (v2.0.3), or whichever KUBEBUILDER_ASSETS has, and that of the
 * kubectl on the PATH where it is another. A real API server accepts what they build. The fields of each Pod:
 * test/unit/config/deployment.test.ts.
 */
import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../cli/run/config.ts';
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
import { temporaryFolder } from '../support/temporary-folder.ts';

const scratch = temporaryFolder();
const run = promisify(execFile);
const OUTPUT = { maxBuffer: 2 ** 24 };

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
  ...['priority-class', 'secret-check', 'split-roles', 'without-cert-manager', 'control-plane-only'].map(
    (name) => `config/overlays/${name}`,
  ),
  'config/overlays/client-certificates',
];

const kubectl = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl');
/** The kubectl on the PATH; without one, the other is compared with itself. */
const onPath = await run('kubectl', ['version', '--client']).then(
  () => 'kubectl',
  () => kubectl,
);

const print = async (command: string, folder: string): Promise<string> =>
  (await run(command, ['kustomize', folder], OUTPUT)).stdout;

const byName = (objects: readonly Manifest[]): Readonly<Record<string, Manifest>> =>
  Object.fromEntries(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));

const built = new Map<string, readonly Manifest[]>();
for (const folder of FOLDERS) built.set(folder, parseManifests(await print(kubectl, join(ROOT, folder))));
const objectsOf = (folder: string): readonly Manifest[] => present(built.get(folder), folder);
const without = (kind: string, objects: readonly Manifest[]): readonly Manifest[] =>
  objects.filter((object) => object.kind !== kind);

type Labels = Readonly<Record<string, string>>;
interface Ports {
  readonly from?: readonly object[];
  readonly ports: readonly { readonly port: number }[];
}
interface NetworkPolicySpec {
  readonly ingress: readonly Ports[];
  readonly egress?: readonly Ports[];
}

/** What the policies compare the namespace of a request with, as expressions. */
const operatorNamespaces = (objects: readonly Manifest[]): readonly string[] =>
  ofKind(objects, 'ValidatingAdmissionPolicy').flatMap(({ spec }) =>
    (spec as { readonly variables: readonly { readonly expression: string }[] }).variables.map((one) => one.expression),
  );

describe('every kustomization', () => {
  it('is tested here, and every kubectl builds the same', async () => {
    expect(FOLDERS).toEqual(expect.arrayContaining([...WHOLE, 'config/crd', 'config/crd/cel', 'config/prometheus']));
    for (const folder of FOLDERS) {
      const other = parseManifests(await print(onPath, join(ROOT, folder)));
      expect(byName(other)).toEqual(byName(objectsOf(folder)));
    }
  });

  it('moves its policies into another namespace, too, with any kubectl', async () => {
    // With all policies that there are.
    const base = relative(scratch, join(ROOT, 'config/overlays/priority-class'));
    await writeFile(join(scratch, 'kustomization.yaml'), `namespace: elsewhere\nbases:\n  - ${base}\n`);
    for (const one of new Set([kubectl, onPath])) {
      expect(operatorNamespaces(parseManifests(await print(one, scratch)))).toEqual([
        "'elsewhere'",
        "'elsewhere'",
        "'elsewhere'",
      ]);
    }
  });
});

describe.each(WHOLE)('%s', (folder) => {
  const objects = objectsOf(folder);
  const names = (kind: string): readonly string[] => ofKind(objects, kind).map(({ metadata }) => metadata.name);

  it('has Pods that meet the restricted profile', () => {
    const pods = deployments(objects).map(({ spec }) => spec.template.spec);
    expect(pods.length).toBeGreaterThan(0);
    expect(pods.flatMap(restrictedFaults)).toEqual([]);
  });

  it('has Services, budgets and Deployments that select its own Pods and no others', () => {
    const all = deployments(objects);
    const selected = (selector: Labels): readonly string[] =>
      all.flatMap(({ metadata, spec }) => (selects(selector, spec.template.metadata.labels) ? [metadata.name] : []));
    for (const { metadata, spec } of all) expect(selected(spec.selector.matchLabels)).toEqual([metadata.name]);
    for (const { metadata, spec } of ofKind(objects, 'PodDisruptionBudget')) {
      const { selector } = spec as { readonly selector: { readonly matchLabels: Labels } };
      expect(selected(selector.matchLabels)).toEqual([metadata.name]);
    }
    const services = ofKind(objects, 'Service').map(({ metadata, spec }) => {
      const { selector, ports } = spec as { selector: Labels; ports: { targetPort: string }[] };
      const pods = selected(selector);
      for (const one of all.filter((each) => pods.includes(each.metadata.name))) {
        const open = one.spec.template.spec.containers[0]?.ports.map((port) => port.name);
        expect(open).toEqual(expect.arrayContaining(ports.map(({ targetPort }) => targetPort)));
      }
      return [metadata.name, pods];
    });
    const everyone = names('Deployment');
    expect(Object.fromEntries(services)).toEqual({
      'sequentialjob-metrics': everyone,
      'sequentialjob-webhook': everyone.length === 1 ? everyone : ['sequentialjob-webhook'],
    });
  });

  it('refers only to service accounts, priority classes and a namespace that it contains', () => {
    for (const { spec } of deployments(objects)) {
      const { serviceAccountName, priorityClassName } = spec.template.spec;
      expect(names('ServiceAccount')).toContain(serviceAccountName);
      expect(names('PriorityClass')).toEqual(priorityClassName === undefined ? [] : [priorityClassName]);
    }
    expect([...new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))]).toEqual(names('Namespace'));
  });

  it("has policies with the operator's namespace, which deny SequentialJobs and CronSequentialJobs there", () => {
    const policies = names('ValidatingAdmissionPolicy');
    expect(policies).toEqual(expect.arrayContaining(['sequentialjob-requester', 'sequentialjob-requester-schedules']));
    expect(operatorNamespaces(objects)).toEqual(policies.map(() => "'sequentialjob-system'"));
  });

  it('grants no access to Secrets, except for secret-check', () => {
    const rules = objects.flatMap((object) => (object['rules'] ?? []) as readonly Rule[]);
    const ofSecrets = rules.filter(({ resources }) => resources.includes('secrets'));
    expect(ofSecrets).toHaveLength(folder.endsWith('secret-check') ? 1 : 0);
  });
});

describe('the overlays', () => {
  it('without-cert-manager has no object or annotation of cert-manager’s', () => {
    expect(JSON.stringify(objectsOf('config/overlays/without-cert-manager'))).not.toContain('cert-manager');
  });

  it('secret-check grants the controller access to Secrets, and sets its flag', () => {
    const objects = objectsOf('config/overlays/secret-check');
    const args = deployments(objects).flatMap(({ spec }) => spec.template.spec.containers[0]?.args ?? []);
    expect(args).toContain('--check-secrets');
    expect(byName(objects)).toHaveProperty(['ClusterRoleBinding/sequentialjob-secret-check']);
  });

  describe('split-roles', () => {
    const objects = objectsOf('config/overlays/split-roles');
    const pods = Object.fromEntries(deployments(objects).map((one) => [one.metadata.name, one.spec.template.spec]));

    it('gives the webhook neither token nor permission, and the controller neither port nor certificate', () => {
      expect(pods['sequentialjob-webhook']).toMatchObject({ automountServiceAccountToken: false });
      const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
      expect(JSON.stringify(bindings)).not.toContain('"sequentialjob-webhook"');
      const controller = pods['sequentialjob-controller'];
      expect(controller?.containers[0]?.ports.map(({ name }) => name)).toEqual(['metrics', 'health']);
      expect(controller?.volumes).toEqual([]);
    });

    it('allows the webhook no egress, and only scrapers to connect to the controller', () => {
      const portsOf = (rules: readonly Ports[] = []) => rules.flatMap(({ ports }) => ports.map(({ port }) => port));
      const policies = ofKind(objects, 'NetworkPolicy').map(({ metadata, spec }) => {
        expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
        const { podSelector, ingress, egress } = spec as NetworkPolicySpec & { podSelector: { matchLabels: Labels } };
        const component = podSelector.matchLabels['app.kubernetes.io/component'];
        return [metadata.name, { component, ingress: portsOf(ingress), egress: portsOf(egress) }];
      });
      expect(Object.fromEntries(policies)).toEqual({
        'sequentialjob-webhook': { component: 'webhook', ingress: [9443, 8080], egress: [] },
        sequentialjob: { component: 'controller', ingress: [8080], egress: [443, 6443, 8443, 16_443, 53, 53] },
      });
    });

    it('has two Deployments that differ only in what their role needs', () => {
      const [one, two] = Object.values(pods).map(({ containers, ...pod }) => {
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

  it('control-plane-only changes only the clients of the webhook’s port', () => {
    const [before, after] = ['config/certmanager', 'config/overlays/control-plane-only'].map(objectsOf) as [
      readonly Manifest[],
      readonly Manifest[],
    ];
    const rulesOf = (objects: readonly Manifest[]): readonly Ports[] =>
      (present(ofKind(objects, 'NetworkPolicy')[0], 'policy')['spec'] as NetworkPolicySpec).ingress;
    const [webhook, ...others] = rulesOf(before);
    expect(webhook?.from).toBeUndefined();
    const from = [{ ipBlock: { cidr: '192.0.2.0/24' } }];
    expect(rulesOf(after)).toEqual([{ from, ports: webhook?.ports }, ...others]);
    expect(without('NetworkPolicy', after)).toEqual(without('NetworkPolicy', before));
  });

  it.each(['config/certmanager', 'config/overlays/split-roles'])(
    'Cilium’s sample selects the Pods of %s',
    async (folder) => {
      const file = join(ROOT, 'config/overlays/control-plane-only/cilium.yaml');
      const [policy] = parseManifests(await readFile(file, 'utf8'));
      const { endpointSelector, ingress } = present(policy, 'policy')['spec'] as {
        readonly endpointSelector: { readonly matchLabels: Labels };
        readonly ingress: readonly { readonly toPorts: readonly { readonly ports: readonly { port: string }[] }[] }[];
      };
      const ports = deployments(objectsOf(folder))
        .filter(({ spec }) => selects(endpointSelector.matchLabels, spec.template.metadata.labels))
        .flatMap(({ spec }) => spec.template.spec.containers[0]?.ports ?? []);
      const webhook = ports.filter(({ name }) => name === 'webhook').map(({ containerPort }) => `${containerPort}`);
      const sample = ingress.flatMap(({ toPorts }) => toPorts).flatMap((one) => one.ports.map(({ port }) => port));
      expect(webhook).toEqual(sample);
    },
  );

  it('client-certificates requires client certificates of a CA that it mounts', () => {
    const [deployment] = deployments(objectsOf('config/overlays/client-certificates'));
    const { containers, volumes } = present(deployment, 'Deployment').spec.template.spec;
    const { args, env, volumeMounts } = present(containers[0], 'container');
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const { clientCaFile, clientSubjects } = parseConfig(args.slice(1), variables);
    expect(clientSubjects).toEqual(['kube-apiserver']);
    const mount = volumeMounts.find(({ mountPath }) => clientCaFile === `${mountPath}/ca.crt`);
    expect(volumes).toContainEqual({ name: mount?.name, configMap: { name: 'sequentialjob-webhook-client-ca' } });
    expect(volumes.map(({ name }) => name)).toContain('certificate');
  });
});
