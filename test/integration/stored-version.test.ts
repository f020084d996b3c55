/**
 * config/migrate-stored-version.sh on a real API server: from the releases that had v1alpha1 alone to this one and back, with
 * objects that nobody writes meanwhile.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it, jest } from '@jest/globals';
import { CRD } from '../../config/generate/crd.ts';
import { V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import { CRD_NAME, definitionBefore, withStored, withWebhook } from '../support/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { ROOT } from '../support/manifests.ts';
import { type AnyVersion, toV1beta1 } from '../support/versions.ts';
import { convertingControlPlane } from '../support/converting-control-plane.ts';

jest.setTimeout(120_000);

const own = convertingControlPlane({ node: false, controllerManager: false });
const apply: typeof own.apply = (object) => own.apply(object);

beforeAll(async () => {
  await own.kubectl('delete', 'crd', CRD_NAME);
});

async function run(script: string, ...args: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    KUBECTL: join(own.plane.binaries, 'kubectl'),
    KUBECONFIG: own.plane.kubeconfig,
  };
  return (await promisify(execFile)(join(ROOT, 'config', script), args, { env })).stdout;
}

const migrate = async (): Promise<string> => run('migrate-stored-version.sh');

const SPEC = {
  containers: [{ name: 'load', image: 'busybox:1.36' }],
  stepPolicies: [{ name: 'load', backoffLimit: 0, onFailure: 'Continue' }],
};
const NAMES = ['first', 'second', 'third'];

const list = async (version: string): Promise<readonly AnyVersion[]> => {
  const text = await own.kubectl(
    'get',
    `sequentialjobs.${version}.batch.example.com`,
    '--all-namespaces',
    '-o',
    'json',
  );
  return (JSON.parse(text) as { readonly items: readonly AnyVersion[] }).items;
};
const storedVersions = async (): Promise<unknown> =>
  JSON.parse(await own.kubectl('get', 'crd', CRD_NAME, '-o', 'jsonpath={.status.storedVersions}'));

/** Without what a write changes. */
const lasting = ({ metadata, ...object }: AnyVersion): object => {
  const { resourceVersion: _, managedFields: __, ...rest } = metadata as Readonly<Record<string, unknown>>;
  return { ...object, metadata: rest };
};

/** Creates a Job of a sequence, as an operator does that names its owner by v1alpha1. */
async function applyJobOf({ metadata }: AnyVersion): Promise<void> {
  const { name, namespace, uid } = metadata as Readonly<Record<string, string>>;
  const owner = { apiVersion: V1ALPHA1_API_VERSION, kind: 'SequentialJob', name, uid, controller: true };
  const labels = { 'batch.example.com/sequentialjob-uid': uid };
  // Quoted text that is no owner reference stays.
  const annotations = { note: '{"apiVersion": "batch.example.com/v1alpha1"}' };
  const pod = { restartPolicy: 'Never', containers: [{ name: 'load', image: 'busybox:1.36' }] };
  await apply({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `${name}-0-load`, namespace, labels, annotations, ownerReferences: [owner] },
    spec: { template: { spec: pod } },
  });
}

/** By which version the Jobs name their owner. */
async function ownersOfJobs(): Promise<readonly unknown[]> {
  const text = await own.kubectl('get', 'jobs', '--all-namespaces', '-o', 'json');
  const { items } = JSON.parse(text) as { readonly items: readonly { readonly metadata: JobMetadata }[] };
  for (const { metadata } of items) expect(metadata.annotations.note).toContain(V1ALPHA1_API_VERSION);
  return items.map(({ metadata }) => metadata.ownerReferences[0]?.apiVersion);
}

interface JobMetadata {
  readonly annotations: { readonly note: string };
  readonly ownerReferences: readonly { readonly apiVersion: string }[];
}

let before: readonly AnyVersion[];

it('rewrites what is stored as v1alpha1, after which nothing needs the webhook', async () => {
  await apply(definitionBefore());
  await eventually('v1alpha1 is served', async () => list('v1alpha1'));
  const objects = NAMES.map((name, i) => ({
    apiVersion: V1ALPHA1_API_VERSION,
    kind: 'SequentialJob',
    metadata: { name, namespace: i === 0 ? 'kube-public' : 'default' },
    spec: SPEC,
  }));
  for (const object of objects) await apply(object);
  before = await list('v1alpha1');
  for (const object of before) await applyJobOf(object);
  await apply(withWebhook(CRD, own.webhook));
  await eventually('v1beta1 is served', async () => list('v1beta1'));
  expect(await storedVersions()).toEqual(['v1alpha1', 'v1beta1']);

  expect(await migrate()).toBe('3 SequentialJobs are stored as v1beta1, and none in another version\n');
  expect(await storedVersions()).toEqual(['v1beta1']);
  expect(await ownersOfJobs()).toEqual(NAMES.map(() => 'batch.example.com/v1beta1'));
  await apply(withWebhook(CRD, { ...own.webhook, url: 'https://127.0.0.1:1' }));
  // Waits until the API server has the definition with the address of nobody.
  await eventually('v1alpha1 cannot be read', async () =>
    list('v1alpha1').then(
      () => undefined,
      () => true,
    ),
  );
  const after = await list('v1beta1');
  expect(after.map(lasting)).toEqual(before.map((object) => lasting(toV1beta1(object))));
});

it('may be repeated', async () => {
  const once = (await list('v1beta1')).map(lasting);
  expect(await migrate()).toBe('3 SequentialJobs are stored as v1beta1, and none in another version\n');
  expect((await list('v1beta1')).map(lasting)).toEqual(once);
});

it('rewrites all in v1alpha1 before a rollback, after which the definition of an older release is accepted', async () => {
  await apply(withWebhook(withStored('v1alpha1'), own.webhook));
  await eventually('v1alpha1 is read again', async () => list('v1alpha1'));
  await expect(apply(definitionBefore())).rejects.toThrow(/storedVersions/);
  expect(await migrate()).toBe('3 SequentialJobs are stored as v1alpha1, and none in another version\n');
  // Until the operator is stopped, it goes on naming the owner by v1beta1.
  expect(await ownersOfJobs()).toEqual(NAMES.map(() => 'batch.example.com/v1beta1'));
  await run('rewrite-owners.sh', 'v1alpha1');
  expect(await ownersOfJobs()).toEqual(NAMES.map(() => V1ALPHA1_API_VERSION));
  await apply(definitionBefore());
  await eventually('v1beta1 is not served', async () =>
    list('v1beta1').then(
      () => undefined,
      () => true,
    ),
  );
  expect((await list('v1alpha1')).map(lasting)).toEqual(before.map(lasting));
});

it('fails with the reason, and records nothing, where an object cannot be converted', async () => {
  await apply(withWebhook(CRD, { ...own.webhook, url: 'https://127.0.0.1:1' }));
  await eventually('the definition is in force', async () =>
    list('v1beta1').then(
      () => undefined,
      () => true,
    ),
  );
  await expect(migrate()).rejects.toThrow(/conversion webhook for batch.example.com\/v1alpha1/);
  expect(await storedVersions()).toEqual(['v1alpha1', 'v1beta1']);
});
