/**
 * config/policy on a real API server that has ValidatingAdmissionPolicies (1.30 and newer), tried by people. That it is left out
 * for an older one: kustomize.test.ts. What its expressions mean: test/unit/config/policy.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { connect, kubeconfig, kubectl, type CommandResult, tryKubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { type Manifest, ofKind, parseManifests, present, ROOT } from '../support/manifests.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const server = await serverOfTests();

/** Of the policy, its binding and the label of its namespaces: other tests run at the same time. */
const name = `policy-${randomBytes(4).toString('hex')}`;
const LABELS = { 'tests.example.com/policy': name };
const KIND = 'validatingadmissionpolicy';

let client: ApiClient;
let team: Namespace;
/** In the place of the operator's. */
let own: Namespace;
let operators: readonly Operator[];

/** As kustomize builds it, for this test's namespaces alone. */
async function policies(): Promise<readonly object[]> {
  const built = parseManifests(await kubectl('kustomize', join(ROOT, 'config/operator')));
  const [policy, binding] = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map((kind) =>
    present(ofKind(built, kind)[0], kind),
  );
  const renamed = (object: Manifest | undefined): object => ({ ...object, metadata: { name } });
  const spec = { ...(binding?.['spec'] as object), policyName: name };
  const matchResources = { namespaceSelector: { matchLabels: LABELS } };
  return [
    JSON.parse(JSON.stringify(renamed(policy)).replace("'sequentialjob-system'", `'${own.name}'`)) as object,
    { ...renamed(binding), spec: { ...spec, matchResources } },
  ];
}

async function permit(user: string, apiGroup: string, resource: string): Promise<void> {
  const rbac = 'rbac.authorization.k8s.io';
  const apiVersion = `${rbac}/v1`;
  const roleName = `${user}-${resource}`;
  const verbs = ['get', 'create', 'update', 'patch'];
  const roleRef = { apiGroup: rbac, kind: 'Role', name: roleName };
  const subjects = [{ apiGroup: rbac, kind: 'User', name: user }];
  const objects = [team, own].flatMap((one) => {
    const metadata = { name: roleName, namespace: one.name };
    const rules = [{ apiGroups: [apiGroup], resources: [resource], verbs }];
    return [
      { apiVersion, kind: 'Role', metadata, rules },
      { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects },
    ];
  });
  expect(await tryKubectl(['apply', '-f', '-'], ...objects)).toMatchObject({ code: 0 });
}

const as = async (
  user: string,
  where: Namespace,
  args: readonly string[],
  ...objects: readonly object[]
): Promise<CommandResult> => tryKubectl([`--as=${user}`, `--namespace=${where.name}`, ...args], ...objects);

const sequentialJob = (of: string): object => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name: of },
  spec: { ...sequence(2), suspend: true },
});

const creates = (user: string, where: Namespace, of: string, ...flags: readonly string[]): Promise<CommandResult> =>
  as(user, where, ['create', '-f', '-', ...flags], sequentialJob(of));

const patches = (user: string, where: Namespace, of: string, patch: object): Promise<CommandResult> =>
  as(user, where, ['patch', 'sj', of, '--type=merge', '--patch', JSON.stringify(patch)]);

/** May write SequentialJobs, and no Jobs. */
const LIMITED = 'limited';
/** May write both. */
const FULL = 'full';
const COLLECTOR = 'system:serviceaccount:kube-system:generic-garbage-collector';
const PASSES = { code: 0, stderr: '' };

/** What kubectl says of a refusal, in so many words. */
const refused = (user: string, where: Namespace) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(
    new RegExp(
      `Forbidden.*${name}.* denied request: User "${user}" cannot create resource "jobs" in API group "batch" in the namespace ` +
        `"${where.name}": whoever creates a SequentialJob or changes its spec must be allowed to create Jobs there`,
    ),
  ),
});

onServersWhere(server.knowsPolicies)('the policy of who may', () => {
  beforeAll(async () => {
    client = connect();
    team = await Namespace.create(client, 'policy', LABELS);
    own = await Namespace.create(client, 'policy-own', LABELS);
    operators = await Promise.all([team, own].map((one) => Operator.start(kubeconfig(), one.name)));
    for (const user of [LIMITED, FULL]) await permit(user, 'batch.example.com', 'sequentialjobs');
    await permit(FULL, 'batch', 'jobs');
    // Stored before there was a policy.
    await own.apply('older', { ...sequence(1), suspend: true });
    const applied = await tryKubectl(['apply', '-f', '-'], ...(await policies()));
    if (applied.code !== 0) throw new Error(applied.stderr);
    // It works when the API server has compiled it.
    await eventually('a policy that works', async () => {
      const { code } = await creates(LIMITED, team, 'probe', '--dry-run=server');
      return !(code === 0);
    });
  }, 60_000);

  afterAll(async () => {
    await kubectl('delete', `${KIND},${KIND}binding`, name);
    await team.remove();
    await own.remove();
    await Promise.all(operators.map((one) => one.end('SIGTERM')));
    await client.close();
  }, 60_000);

  it('has expressions whose types fit, as far as the server tells', async () => {
    const status = await eventually('the types checked', async () => {
      const read = JSON.parse(await kubectl('get', KIND, name, '-o', 'json')) as {
        readonly metadata: { readonly generation: number };
        readonly status?: { readonly observedGeneration?: number; readonly typeChecking?: object };
      };
      return read.status?.observedGeneration === read.metadata.generation ? read.status : undefined;
    });
    expect(status.typeChecking ?? {}).toEqual({});
  });

  it('who may create no Jobs may create no SequentialJob, and reads why', async () => {
    expect(await creates(LIMITED, team, 'new')).toMatchObject(refused(LIMITED, team));
  });

  it('who may create Jobs may', async () => {
    expect(await creates(FULL, team, 'etl')).toMatchObject(PASSES);
  });

  it.each<[string, object]>([
    ['an image', { containers: [{ name: 'other', image: 'other:1' }] }],
    ['whether it is suspended', { suspend: false }],
    ['the service account', { template: { spec: { serviceAccountName: 'mighty' } } }],
  ])('%s is changed by nobody else', async (_what, spec) => {
    expect(await patches(LIMITED, team, 'etl', { spec })).toMatchObject(refused(LIMITED, team));
    const dry = ['patch', 'sj', 'etl', '--type=merge', '--dry-run=server', '--patch', JSON.stringify({ spec })];
    expect(await as(FULL, team, dry)).toMatchObject(PASSES);
  });

  it('everybody who may change SequentialJobs may change labels, owners and finalizers', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'none', uid: '00000000-0000-0000-0000-000000000000' };
    for (const metadata of [
      { labels: { a: 'b' } },
      { annotations: { a: 'b' } },
      { ownerReferences: [owner] },
      { finalizers: ['batch.example.com/sequentialjob-cleanup', 'tests.example.com/ours'] },
    ]) {
      expect(await patches(LIMITED, team, 'etl', { metadata })).toMatchObject(PASSES);
    }
  });

  it('the garbage collector, which may create no Jobs, changes owners and finalizers, and no spec', async () => {
    expect(await patches(COLLECTOR, team, 'etl', { metadata: { ownerReferences: null } })).toMatchObject(PASSES);
    const held = { metadata: { finalizers: ['tests.example.com/ours'] } };
    expect(await patches(COLLECTOR, team, 'etl', held)).toMatchObject(PASSES);
    expect(await patches(COLLECTOR, team, 'etl', { spec: { suspend: false } })).toMatchObject(refused(COLLECTOR, team));
  });

  it('what is being deleted may be changed on its way, and goes', async () => {
    await team.delete('etl');
    expect(await patches(LIMITED, team, 'etl', { spec: { ttlSecondsAfterFinished: 7 } })).toMatchObject(PASSES);
    expect(await patches(LIMITED, team, 'etl', { metadata: { finalizers: [] } })).toMatchObject(PASSES);
    await team.untilGone('etl');
  });

  it('what may be created runs to its end: the controller writes finalizer and status', async () => {
    expect(await creates(FULL, team, 'runs')).toMatchObject(PASSES);
    expect(await patches(FULL, team, 'runs', { spec: { suspend: false } })).toMatchObject(PASSES);
    expect((await team.untilFinished('runs')).status?.phase).toBe('Completed');
  });

  it('nobody creates one in the operator’s own namespace, or changes the spec of one, be it an administrator', async () => {
    const { stderr, code } = await tryKubectl(['create', '-n', own.name, '-f', '-'], sequentialJob('new'));
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Forbidden.*SequentialJobs are not run in the operator's own namespace/),
    });
    expect((await creates(FULL, own, 'new')).stderr).toContain("the operator's own namespace");
    expect((await patches(FULL, own, 'older', { spec: { suspend: false } })).stderr).toContain(
      "operator's own namespace",
    );
  });

  it('what was in there before can be labelled and removed', async () => {
    expect(await patches(LIMITED, own, 'older', { metadata: { labels: { a: 'b' } } })).toMatchObject(PASSES);
    await own.delete('older');
    await own.untilGone('older');
  });
});
