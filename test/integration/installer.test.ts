/** Other ways to the manifests of config/: the chart, config/for-server.sh and the Makefile build the same objects. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { renderChart, type Rendering } from '../support/chart.ts';
import { tryKubectl } from '../support/cluster.ts';
import { make } from '../support/deployed.ts';
import { deployments, type Manifest, ofKind, parseManifests, present, ROOT } from '../support/manifests.ts';
import { serverOfTests } from '../support/server-features.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const server = await serverOfTests();
const scratch = temporaryFolder();
const run = promisify(execFile);
const OUTPUT = { maxBuffer: 2 ** 24 };
const kubectl = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl');

const print = async (folder: string): Promise<string> =>
  (await run(kubectl, ['kustomize', join(ROOT, folder)], OUTPUT)).stdout;

async function build(...folders: readonly string[]): Promise<readonly Manifest[]> {
  return (await Promise.all(folders.map(print))).flatMap(parseManifests);
}

/** `kubectl kustomize … | config/for-server.sh 1.20`, as docs/install.md has it for an older server. */
async function buildFor(version: string, folder: string): Promise<readonly Manifest[]> {
  const printed = await print(folder);
  const filtering = run(join(ROOT, 'config/for-server.sh'), [version], OUTPUT);
  // It may end without reading its input; its exit code says why.
  filtering.child.stdin?.on('error', () => undefined).end(printed);
  return parseManifests((await filtering).stdout);
}

const byName = (objects: readonly Manifest[]): Readonly<Record<string, Manifest>> =>
  Object.fromEntries(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));

/** Without what Helm adds, and what somebody else creates. */
function comparable(objects: readonly Manifest[]): Readonly<Record<string, Manifest>> {
  const helms = new Set([
    'app.kubernetes.io/instance',
    'app.kubernetes.io/managed-by',
    'helm.sh/chart',
    'helm.sh/resource-policy',
  ]);
  const own = (all: Readonly<Record<string, string>> = {}): object =>
    Object.fromEntries(Object.entries(all).filter(([key]) => !helms.has(key)));
  const stripped = objects
    .filter(({ kind }) => kind !== 'Namespace')
    .map(({ metadata: { labels, annotations, ...metadata }, ...object }) => {
      const text = JSON.stringify({
        ...object,
        metadata: { ...metadata, labels: own(labels), annotations: own(annotations) },
      });
      return JSON.parse(text.replaceAll('"imagePullPolicy":"IfNotPresent",', '')) as Manifest;
    });
  return byName(stripped);
}

describe('the chart', () => {
  const render = (rendering: Rendering) => comparable(renderChart(rendering).objects);

  it.each<readonly [values: NonNullable<Rendering['values']>, folders: readonly string[]]>([
    [{}, ['config/default']],
    [{ roles: 'split' }, ['config/crd/certmanager', 'config/dependency-check', 'config/overlays/split-roles']],
    [{ secretCheck: { enabled: true } }, ['config/overlays/secret-check']],
    [{ priorityClass: { create: true } }, ['config/overlays/priority-class']],
    [{ crds: { serveV1alpha1: false } }, ['config/overlays/v1beta1-only']],
    [{ crds: { install: false }, dependencyCheck: { enabled: false } }, ['config/certmanager']],
  ])('with %j has the objects of %j', async (values, folders) => {
    expect(render({ version: 'v1.36.0', values })).toEqual(comparable(await build(...folders)));
  });

  it.each([
    ...['1.20', '1.24', '1.25', '1.27', '1.28', '1.29', '1.30'].map((version) => [version, 'default', {}] as const),
    ...['1.27', '1.29', '1.30'].map(
      (version) => [version, 'overlays/priority-class', { priorityClass: { create: true } }] as const,
    ),
  ])('for Kubernetes %s equals the output of config/for-server.sh for config/%s', async (version, folder, values) => {
    const expected = await buildFor(version, `config/${folder}`);
    expect(render({ version: `v${version}.3`, values })).toEqual(comparable(expected));
  });

  it('is scraped as with config/prometheus', async () => {
    const endpoint = (objects: readonly Manifest[]): unknown => {
      const spec = ofKind(objects, 'ServiceMonitor')[0]?.['spec'] as { endpoints: object[]; selector: object };
      const { port, path } = present(spec.endpoints[0], 'endpoint') as { port: string; path: string };
      return { selector: spec.selector, port, path };
    };
    const { objects } = renderChart({ values: { serviceMonitor: { enabled: true } } });
    expect(endpoint(objects)).toEqual(endpoint(await build('config/prometheus')));
  });
});

describe('config/for-server.sh', () => {
  it('changes nothing without a version', async () => {
    expect(await buildFor('', 'config/default')).toEqual(await build('config/default'));
  });

  it.each([
    ['1.25', 'config/crd/cel'],
    ['1.24', 'config/crd'],
  ])('for %s prints the definitions of %s', async (version, folder) => {
    const specsOf = (objects: readonly Manifest[]): object =>
      Object.fromEntries(
        ofKind(objects, 'CustomResourceDefinition').map(({ metadata, spec }) => [metadata.name, spec]),
      );
    const definitions = specsOf(await buildFor(version, 'config/default'));
    expect(Object.keys(definitions)).toHaveLength(2);
    expect(definitions).toEqual(specsOf(await build(folder)));
  });

  it('rejects what is not a version of Kubernetes 1', async () => {
    await expect(buildFor('2.0', 'config/crd')).rejects.toMatchObject({ code: 2 });
  });
});

describe('make build-installer', () => {
  const installer = async (...variables: readonly string[]): Promise<readonly Manifest[]> => {
    const file = join(scratch, 'install.yaml');
    await make('build-installer', 'CERT=', `INSTALLER=${file}`, ...variables);
    return parseManifests(await readFile(file, 'utf8'));
  };

  it.each([
    ['', ['config/default']],
    ['SECRET_CHECK=yes', ['config/overlays/secret-check']],
    ['PRIORITY_CLASS=sequentialjob', ['config/overlays/priority-class']],
    ['DEPENDENCY_CHECK=no', ['config/crd/certmanager', 'config/certmanager']],
    ['ROLES=split', ['config/crd/certmanager', 'config/dependency-check', 'config/overlays/split-roles']],
  ])(
    'with "%s" writes the objects of %j',
    async (variable, folders) => {
      const variables = variable === '' ? [] : [variable];
      expect(byName(await installer(...variables))).toEqual(byName(await build(...folders)));
    },
    30_000,
  );

  it('omits only the policy when asked to', async () => {
    const all = await build('config/default');
    const rest = all.filter(({ kind }) => !kind.startsWith('ValidatingAdmissionPolicy'));
    expect(byName(await installer('REQUESTER_CHECK=no'))).toEqual(byName(rest));
  });

  it('with ROLES=split sets the flag on the controller only, and the priority class on both', async () => {
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
    // Nothing is created of a class that is not ours.
    expect(ofKind(objects, 'PriorityClass')).toEqual([]);
  });

  it('writes manifests for an older server if a version is set', async () => {
    expect(byName(await installer('SERVER=1.20'))).toEqual(byName(await buildFor('1.20', 'config/default')));
  });
});

describe('a real API server', () => {
  /** Kinds of others, which are not installed. */
  const isForeign = ({ apiVersion }: Manifest): boolean => /^(cert-manager|monitoring)\./.test(apiVersion);
  const OVERLAYS = [
    'priority-class',
    'secret-check',
    'v1beta1-only',
    'split-roles',
    'without-cert-manager',
    'control-plane-only',
  ];

  it.each(['default', ...OVERLAYS.map((name) => `overlays/${name}`), 'overlays/client-certificates'])(
    'accepts config/%s, as it is made for its version',
    async (folder) => {
      const objects = (await buildFor(`1.${server.minor}`, `config/${folder}`)).filter((one) => !isForeign(one));
      // The namespace has to exist, also for a dry run.
      const namespaces = ofKind(objects, 'Namespace');
      expect(await tryKubectl(['apply', '-f', '-'], ...namespaces)).toMatchObject({ code: 0 });
      const dry = ['apply', '--dry-run=server', '-f', '-'];
      expect(await tryKubectl(dry, ...objects)).toMatchObject({ code: 0, stderr: '' });
    },
  );

  /** make with a kubectl that stores nothing. */
  async function makeDry(target: string, ...lines: readonly string[]): Promise<string> {
    const path = join(scratch, 'kubectl');
    const dry = 'case $1 in apply|delete) verb=$1; shift; set -- "$verb" --dry-run=server "$@";; esac';
    await writeFile(path, ['#!/bin/sh', ...lines, dry, `exec '${kubectl}' "$@"\n`].join('\n'), { mode: 0o755 });
    return make(target, 'CERT=', 'OVERLAY=config/overlays/without-cert-manager', `KUBECTL=${path}`);
  }

  it('reports its version to make deploy, so that only supported objects are applied', async () => {
    const said = await makeDry('deploy');
    expect(said).toMatch(/validatingwebhookconfiguration\S* \S*(created|configured|unchanged)/);
    const folder = server.knowsRules ? 'config/crd/cel' : 'config/crd';
    const files = ['sequentialjobs', 'cronsequentialjobs'].map(
      (plural) => `-f ${folder}/batch.example.com_${plural}.yaml`,
    );
    expect(said).toContain(`apply ${files.join(' ')}\n`);
    expect(said).toMatch(/cronsequentialjobs\.batch\.example\.com (created|configured|unchanged)/);
  });

  it('may lack the CRD when make undeploy runs', async () => {
    const undeploy = makeDry('undeploy', '[ "$1 $2" != "get sequentialjobs" ] || exit 1');
    await expect(undeploy).resolves.toEqual(expect.any(String));
  });
});
