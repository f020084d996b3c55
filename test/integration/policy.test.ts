/**
 * config/policy and config/priority-class on a real API server that has ValidatingAdmissionPolicies (1.30 and newer). That
 * the policies are left out for an older one: kustomize.test.ts. What their expressions mean: test/unit/config/policy.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CommandResult, kubectl, tryKubectl, untilServiceAccount } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { type Manifest, ofKind, parseManifests, present, ROOT } from '../support/manifests.ts';
import type { Namespace } from '../support/namespace.ts';
import { permit } from '../support/permissions.ts';
import { manifest, scheduleManifest, sequence } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController, withNamespace } from '../support/with-controller.ts';

const { knowsPolicies } = await serverOfTests();
const built = async (folder: string): Promise<readonly Manifest[]> =>
  parseManifests(await kubectl('kustomize', join(ROOT, folder)));

/** Of the policy, its binding and the label of its namespaces: other tests run at the same time. */
const name = `policy-${randomBytes(4).toString('hex')}`;
const labels = { 'tests.example.com/policy': name };
const KIND = 'validatingadmissionpolicy';

/** May write SequentialJobs, and no Jobs. */
const LIMITED = 'limited';
/** May write both. */
const FULL = 'full';
const COLLECTOR = 'system:serviceaccount:kube-system:generic-garbage-collector';
const PASSES = { code: 0, stderr: '' };

const as = (user: string, where: Namespace, args: readonly string[], ...objects: readonly object[]) =>
  where.kubectl([`--as=${user}`, ...args], ...objects);

const SCHEDULES = `${name}-schedules`;

const schedule = (of: string, claims: readonly object[] = []): object =>
  scheduleManifest(of, {
    schedule: '@yearly',
    suspend: true,
    sequentialJobTemplate: { spec: { ...sequence(1), volumeClaimTemplates: claims } },
  });

const suspended = (of: string): object => manifest(of, { ...sequence(2), suspend: true });

const creates = (user: string, where: Namespace, of: string, ...flags: readonly string[]): Promise<CommandResult> =>
  as(user, where, ['create', '-f', '-', ...flags], suspended(of));

const patches = (user: string, where: Namespace, of: string, patch: object) =>
  as(user, where, ['patch', 'sj', of, '--type=merge', '--patch', JSON.stringify(patch)]);

const refused = (user: string, where: Namespace) => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(
    `Forbidden.*${name}.* denied request: User "${user}" cannot create resource "jobs" .* in the namespace "${where.name}"`,
  ),
});

onServersWhere(knowsPolicies)('the policy for users', () => {
  const { namespace: team } = withController('policy', { labels });
  /** In place of the operator's. */
  const { namespace: own } = withController('policy-own', { labels });

  /** As kustomize builds them, for this test's namespaces alone. */
  async function policies(): Promise<readonly object[]> {
    const objects = await built('config/operator');
    return [
      ...renamed(objects, 'sequentialjob-requester', name),
      ...renamed(objects, 'sequentialjob-requester-schedules', SCHEDULES),
    ];
  }

  function renamed(objects: readonly Manifest[], from: string, to: string): readonly object[] {
    const [policy, binding] = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map((kind) =>
      present(
        ofKind(objects, kind).find((one) => one.metadata.name === from),
        `${kind} ${from}`,
      ),
    );
    const metadata = { name: to };
    const text = JSON.stringify({ ...policy, metadata }).replace("'sequentialjob-system'", `'${own.name}'`);
    const matchResources = { namespaceSelector: { matchLabels: labels } };
    const spec = { ...(binding?.['spec'] as object), policyName: to, matchResources };
    return [JSON.parse(text) as object, { ...binding, metadata, spec }];
  }

  beforeAll(async () => {
    const verbs = ['get', 'create', 'update', 'patch'];
    const sequences = { apiGroups: ['batch.example.com'], resources: ['sequentialjobs', 'cronsequentialjobs'], verbs };
    for (const where of [team, own]) {
      await permit(where, LIMITED, [sequences]);
      await permit(where, FULL, [sequences, { apiGroups: ['batch'], resources: ['jobs'], verbs }]);
    }
    // Stored before there was a policy.
    await own.apply('older', { ...sequence(1), suspend: true });
    const applied = await tryKubectl(['apply', '-f', '-'], ...(await policies()));
    if (applied.code !== 0) throw new Error(applied.stderr);
    // It works when the API server has compiled it.
    await eventually('the policy', async () => (await creates(LIMITED, team, 'probe', '--dry-run=server')).code !== 0);
    await eventually('the other policy', async () => {
      const probe = await as(LIMITED, team, ['create', '--dry-run=server', '-f', '-'], schedule('probe'));
      return probe.code !== 0;
    });
  });

  afterAll(async () => {
    await kubectl('delete', `${KIND},${KIND}binding`, name, SCHEDULES);
  });

  it.each([name, SCHEDULES])('has expressions with correct types, as far as the server checks them: %s', async (of) => {
    const status = await eventually('the types checked', async () => {
      const read = JSON.parse(await kubectl('get', KIND, of, '-o', 'json')) as {
        readonly metadata: { readonly generation: number };
        readonly status?: { readonly observedGeneration?: number; readonly typeChecking?: object };
      };
      return read.status?.observedGeneration === read.metadata.generation && read.status;
    });
    expect(status.typeChecking ?? {}).toEqual({});
  });

  it('allows only users who may create Jobs to create SequentialJobs, with a message for the others', async () => {
    expect(await creates(LIMITED, team, 'new')).toMatchObject(refused(LIMITED, team));
    expect(await creates(FULL, team, 'etl')).toMatchObject(PASSES);
  });

  it('allows only users who may create Jobs, and claims where it has some, to create schedules', async () => {
    const creation = ['create', '-f', '-'];
    expect(await as(LIMITED, team, creation, schedule('nightly'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`Forbidden.*${SCHEDULES}.* User "${LIMITED}" cannot create resource "jobs"`),
    });
    expect(await as(FULL, team, creation, schedule('nightly'))).toMatchObject(PASSES);
    const claims = [{ metadata: { name: 'work' }, spec: { accessModes: ['ReadWriteOnce'] } }];
    expect(await as(FULL, team, creation, schedule('storing', claims))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`User "${FULL}" cannot create resource "persistentvolumeclaims"`),
    });
    expect(await as(FULL, own, creation, schedule('nightly'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("not run in the operator's own namespace"),
    });
    const suspending = ['patch', 'csj', 'nightly', '--type=merge', '--patch', '{"spec":{"suspend":false}}'];
    expect((await as(LIMITED, team, suspending)).code).toBe(1);
    const labelling = ['patch', 'csj', 'nightly', '--type=merge', '--patch', '{"metadata":{"labels":{"a":"b"}}}'];
    expect(await as(LIMITED, team, labelling)).toMatchObject(PASSES);
  });

  it.each<[string, object]>([
    ['an image', { steps: [{ name: 'other', image: 'other:1' }] }],
    ['suspend', { suspend: false }],
    ['the service account', { template: { spec: { serviceAccountName: 'mighty' } } }],
  ])('allows only those users to change %s', async (_what, spec) => {
    expect(await patches(LIMITED, team, 'etl', { spec })).toMatchObject(refused(LIMITED, team));
    const dryRun = ['patch', 'sj', 'etl', '--type=merge', '--dry-run=server', '--patch', JSON.stringify({ spec })];
    expect(await as(FULL, team, dryRun)).toMatchObject(PASSES);
  });

  it('allows all users who may update SequentialJobs to change labels, owner references and finalizers', async () => {
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

  it('allows the garbage collector, which may not create Jobs, to change owner references and finalizers, but not the spec', async () => {
    for (const metadata of [{ ownerReferences: null }, { finalizers: ['tests.example.com/ours'] }]) {
      expect(await patches(COLLECTOR, team, 'etl', { metadata })).toMatchObject(PASSES);
    }
    expect(await patches(COLLECTOR, team, 'etl', { spec: { suspend: false } })).toMatchObject(refused(COLLECTOR, team));
  });

  it('allows changes of an object that is being deleted, and its removal', async () => {
    await team.delete('etl');
    expect(await patches(LIMITED, team, 'etl', { spec: { ttlSecondsAfterFinished: 7 } })).toMatchObject(PASSES);
    expect(await patches(LIMITED, team, 'etl', { metadata: { finalizers: [] } })).toMatchObject(PASSES);
    await team.untilGone('etl');
  });

  it('allows the controller to write finalizers and status: the sequence completes', async () => {
    expect(await creates(FULL, team, 'runs')).toMatchObject(PASSES);
    expect(await patches(FULL, team, 'runs', { spec: { suspend: false } })).toMatchObject(PASSES);
    await team.untilCompleted('runs');
  });

  it("allows nobody, not even an administrator, to create or change a SequentialJob in the operator's own namespace", async () => {
    const forbidden = expect.stringMatching(/Forbidden.*operator's own namespace/);
    expect(await own.kubectl(['create', '-f', '-'], suspended('new'))).toMatchObject({ code: 1, stderr: forbidden });
    expect((await creates(FULL, own, 'new')).stderr).toEqual(forbidden);
    expect((await patches(FULL, own, 'older', { spec: { suspend: false } })).stderr).toEqual(forbidden);
  });

  it('allows users to label and delete an existing one there', async () => {
    expect(await patches(LIMITED, own, 'older', { metadata: { labels: { a: 'b' } } })).toMatchObject(PASSES);
    await own.delete('older');
    await own.untilGone('older');
  });
});

/** What the overlay has beside config/default. */
const priorityClass = async (): Promise<readonly Manifest[]> =>
  (await built('config/overlays/priority-class')).filter(({ metadata }) =>
    /^sequentialjob(-priority-class)?$/.test(metadata.name),
  );

describe('config/priority-class', () => {
  it('is used by no Pod by default', async () => {
    const classes = ofKind(await priorityClass(), 'PriorityClass');
    expect(classes).toEqual([expect.objectContaining({ globalDefault: false })]);
  });
});

onServersWhere(knowsPolicies)('the priority class of the operator', () => {
  const SYSTEM = 'sequentialjob-system';
  const { namespace } = withNamespace('priority');

  /** A dry run: admission is asked, and nothing is stored. */
  const pod = (where: string, priorityClassName?: string): Promise<CommandResult> => {
    const spec = {
      containers: [{ name: 'c', image: 'busybox:1.36' }],
      ...(priorityClassName && { priorityClassName }),
    };
    const metadata = { name: 'probe', namespace: where };
    return tryKubectl(['create', '--dry-run=server', '-f', '-'], { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  };

  beforeAll(async () => {
    await tryKubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } });
    await tryKubectl(['apply', '-f', '-'], ...(await priorityClass()));
    for (const where of [namespace.name, SYSTEM]) await untilServiceAccount(where);
  });
  afterAll(async () => {
    await tryKubectl(['delete', '-f', '-'], ...(await priorityClass()));
  });

  it('is denied to a Pod in another namespace, with a message that gives the reason', async () => {
    // The API server learns of a policy by a watch.
    const { stderr } = await eventually('the policy', async () => {
      const said = await pod(namespace.name, 'sequentialjob');
      return said.code !== 0 && said;
    });
    expect(stderr).toContain("is for Pods in the operator's namespace only");
  });

  it("is allowed for the operator's Pods, and other Pods may use other classes", async () => {
    expect(await pod(SYSTEM, 'sequentialjob')).toMatchObject({ code: 0 });
    expect(await pod(namespace.name)).toMatchObject({ code: 0 });
    expect(await pod(namespace.name, 'system-node-critical')).toMatchObject({ code: 0 });
  });
});
