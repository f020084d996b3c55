/** While the conversion webhook is down: what goes on in the stored version, what waits, and that nothing is lost. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CRD } from '../../config/generate/crd.ts';
import type { LocalOperator } from '../../local/operator.ts';
import { GROUP, KIND } from '../../shared/api/group.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { collectionPath, JOBS, SEQUENTIAL_JOBS, V1ALPHA1_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { withStored, withWebhook } from '../support/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { v1alpha1Manifest } from '../support/v1alpha1.ts';
import type { Version } from '../support/kubectl-user.ts';
import { Namespace } from '../support/namespace.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { convertingControlPlane } from '../support/converting-control-plane.ts';

jest.setTimeout(180_000);

/** The garbage collector and the namespace controller look for resources every half minute, and retry with a backoff. */
const COLLECTED_S = 120;

const own = convertingControlPlane();
let client: ApiClient;
let controlled: Namespace;
let controller: Operator;

const WORDS = /conversion webhook for batch\.example\.com\/v1(alpha|beta)1, Kind=SequentialJob failed/;

const fails = (request: Promise<unknown>): Promise<boolean> =>
  request.then(
    () => false,
    () => true,
  );
const readV1alpha1 = (): Promise<unknown> =>
  client.request({ method: 'GET', path: collectionPath(V1ALPHA1_SEQUENTIAL_JOBS, undefined) });

/** At that address nobody converts. */
const nobody = (): Pick<LocalOperator, 'url' | 'caPem'> => ({ ...own.webhook, url: 'https://127.0.0.1:1' });

/** Resolves when the API server reads v1alpha1, for which it has to convert one object at least. */
async function up(): Promise<void> {
  await own.apply(withWebhook(CRD, own.webhook));
  await eventually('v1alpha1 is read', async () => !(await fails(readV1alpha1())));
}

async function down(): Promise<void> {
  await own.apply(withWebhook(CRD, nobody()));
  await eventually('v1alpha1 is not read', async () => fails(readV1alpha1()));
}

const namespaceWith = async (prefix: string): Promise<Namespace> => Namespace.create(client, prefix);
const untilDeleted = async (namespace: Namespace): Promise<void> =>
  void (await eventually(`${namespace.name} gone`, async () => !(await namespace.exists()), COLLECTED_S));
const deleteNamespace = async ({ name }: Namespace): Promise<void> =>
  void (await client.request({ method: 'DELETE', path: `/api/v1/namespaces/${name}` }));

/** A namespace with a sequence `owner`, and a Job that names it as its owner in this version. */
async function ownerOfJob(version: Version): Promise<Namespace> {
  const namespace = await namespaceWith('owner');
  const { uid } = (await namespace.apply('owner', sequence(1))).metadata;
  const owner = { apiVersion: `${GROUP}/${version}`, kind: KIND, name: 'owner', uid, blockOwnerDeletion: true };
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'busybox:1.36' }] } };
  await namespace.createObject(JOBS, { metadata: { name: 'owned', ownerReferences: [owner] }, spec: { template } });
  return namespace;
}

async function untilCollected(namespace: Namespace): Promise<void> {
  await namespace.untilGone('owner', COLLECTED_S);
  await eventually('no Jobs', async () => (await namespace.jobs()).length === 0, COLLECTED_S);
  await deleteNamespace(namespace);
}

beforeAll(async () => {
  const { kubeconfig } = own.plane;
  client = createApiClient(loadKubeConfig({ path: kubeconfig }), { userAgent: 'sequentialjob-tests' });
  await up();
  await (await namespaceWith('converted')).apply('etl', sequence(1));
  controlled = await namespaceWith('controlled');
  controller = await Operator.start(kubeconfig, controlled.name);
}, 180_000);
afterAll(async () => {
  await controller.end('SIGTERM');
  await client.close();
});

describe('objects that are written in v1beta1', () => {
  beforeAll(async () => {
    await controlled.apply('before', sequence(2, { 1: FOREVER }));
    await controlled.untilRunning('before', 1);
    await down();
  });

  it('cannot be read or written in v1alpha1', async () => {
    await expect(controlled.getObject(V1ALPHA1_SEQUENTIAL_JOBS, 'before')).rejects.toThrow(WORDS);
    const file = v1alpha1Manifest('new', sequence(1));
    await expect(controlled.createObject(V1ALPHA1_SEQUENTIAL_JOBS, file)).rejects.toThrow(WORDS);
  });

  it('run to their end, suspended and changed on the way, also after a restart of the controller', async () => {
    await controlled.apply('meanwhile', sequence(3, {}, { suspend: true }));
    await controlled.untilPhase('meanwhile', 'Suspended');
    await controller.end('SIGKILL');
    controller = await Operator.start(own.plane.kubeconfig, controlled.name);
    await controlled.setSuspend('meanwhile', false);
    expect((await controlled.untilCompleted('meanwhile')).progress?.summary).toBe('3/3');
  });

  it.each(['before', 'meanwhile'])('are deleted with their Jobs: %s', async (name) => {
    await controlled.delete(name);
    await controlled.untilGone(name);
    await controlled.untilNoJobs(name);
  });

  it.each([
    ['Background', 'v1beta1'],
    ['Foreground', 'v1beta1'],
    // As the releases that had v1alpha1 alone have written it.
    ['Background', 'v1alpha1'],
  ] as const)('take along what they own if they are deleted in the %s (owner in %s)', async (how, version) => {
    const namespace = await ownerOfJob(version);
    await namespace.delete('owner', how);
    await untilCollected(namespace);
  });

  it('do not hold their namespace', async () => {
    const namespace = await namespaceWith('removed');
    await namespace.apply('etl', sequence(1));
    await deleteNamespace(namespace);
    await untilDeleted(namespace);
  });

  // For that deletion the garbage collector reads the owner in the version of the reference.
  it('are deleted in the foreground with a Job of an older release once the webhook is back at the latest', async () => {
    const namespace = await ownerOfJob('v1alpha1');
    await namespace.delete('owner', 'Foreground');
    await up();
    await untilCollected(namespace);
  });
});

describe('objects that somebody manages in v1alpha1', () => {
  it('go with their namespace once the webhook is back at the latest', async () => {
    const namespace = await namespaceWith('managed');
    await namespace.createObject(V1ALPHA1_SEQUENTIAL_JOBS, v1alpha1Manifest('etl', sequence(1)));
    await down();
    expect((await namespace.get('etl')).spec.steps).toHaveLength(1);
    await deleteNamespace(namespace);
    await up();
    await untilDeleted(namespace);
  });
});

describe('objects that are stored in v1alpha1, as before `make migrate`', () => {
  it('hold their namespace, and all lists that have them, until the webhook is back', async () => {
    await down();
    const namespace = await namespaceWith('stored');
    const write = (): Promise<void> =>
      namespace.createObject(V1ALPHA1_SEQUENTIAL_JOBS, v1alpha1Manifest('etl', sequence(1)));
    await expect(write()).rejects.toThrow(WORDS);
    await own.apply(withWebhook(withStored('v1alpha1'), nobody()));
    await eventually('v1alpha1 is stored', async () => write().then(() => true));
    await own.apply(withWebhook(CRD, nobody()));
    await eventually('v1beta1 is stored', async () => fails(namespace.list(SEQUENTIAL_JOBS)));
    await expect(client.request({ method: 'GET', path: collectionPath(SEQUENTIAL_JOBS, undefined) })).rejects.toThrow(
      WORDS,
    );
    await deleteNamespace(namespace);
    const condition = 'jsonpath={.status.conditions[?(@.type=="NamespaceDeletionContentFailure")].message}';
    await eventually('the reason in the namespace', async () =>
      WORDS.test(await own.kubectl('get', 'namespace', namespace.name, '-o', condition)),
    );
    await up();
    await untilDeleted(namespace);
  });
});
