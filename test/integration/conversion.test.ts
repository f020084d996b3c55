/**
 * Both API versions on a real API server, with v1beta1 stored: what each client sees of the same object. The definition is first
 * that of the releases that had v1alpha1 alone, and then the one of this release.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CRD, CRD_WITH_RULES } from '../../config/generate/crd.ts';
import { V1ALPHA1_VALIDATION_RULES } from '../../config/generate/validations.ts';
import { GROUP, PLURAL } from '../../shared/api/group.ts';
import { createApiClient, type ApiClient, PATCH_TYPE } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import {
  collectionPath,
  objectPath,
  type Resource,
  SEQUENTIAL_JOBS,
  V1ALPHA1_SEQUENTIAL_JOBS,
} from '../../shared/kube/resources.ts';
import { CRD_NAME, definitionBefore, withWebhook } from '../support/definitions.ts';
import { eventually } from '../support/eventually.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type AnyVersion, normalized, toV1beta1, V1ALPHA1 } from '../support/versions.ts';
import { convertingControlPlane } from '../support/converting-control-plane.ts';

jest.setTimeout(120_000);

const { knowsRules } = await serverOfTests();
const own = convertingControlPlane({ node: false, controllerManager: false });
const folder = temporaryFolder();

const ALPHA = V1ALPHA1_SEQUENTIAL_JOBS;
const BETA = SEQUENTIAL_JOBS;
const NAMESPACE = 'default';

let client: ApiClient;

const apply: typeof own.apply = (object, ...flags) => own.apply(object, ...flags);

beforeAll(async () => {
  client = createApiClient(loadKubeConfig({ path: own.plane.kubeconfig }), { userAgent: 'sequentialjob-tests' });
  await own.kubectl('delete', 'crd', CRD_NAME);
  await apply(definitionBefore());
});
afterAll(async () => client.close());

const image = 'busybox:1.36';
const SPEC = {
  containers: [
    { name: 'extract', image, resources: { limits: { memory: '1Gi' } } },
    { name: 'load', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
  ],
  template: { metadata: { labels: { team: 'a' } }, spec: { volumes: [{ name: 'data', emptyDir: {} }] } },
  stepPolicies: [{ name: 'load', backoffLimit: 0, onFailure: 'Continue' }],
};
const asV1alpha1 = (name: string, spec: unknown = SPEC): AnyVersion =>
  ({ apiVersion: V1ALPHA1, kind: 'SequentialJob', metadata: { name, namespace: NAMESPACE }, spec }) as AnyVersion;

const read = async (resource: Resource, name: string): Promise<AnyVersion> =>
  client.request<AnyVersion>({ method: 'GET', path: objectPath(resource, NAMESPACE, name) });
const list = async (resource: Resource): Promise<readonly AnyVersion[]> =>
  (await client.request<{ items: readonly AnyVersion[] }>({ method: 'GET', path: collectionPath(resource, NAMESPACE) }))
    .items;

it('objects that were stored before v1beta1 existed are read in both versions', async () => {
  await eventually('v1alpha1 is served', async () => apply(asV1alpha1('before')));
  const before = await read(ALPHA, 'before');
  // Client-side apply keeps a copy in an annotation: both versions have to fit into it.
  await apply(withWebhook(CRD, own.webhook));
  const beta = await eventually('v1beta1 is served', async () => read(BETA, 'before'));
  expect(beta).toEqual(toV1beta1(before));
  expect(await read(ALPHA, 'before')).toEqual(before);
});

it('the server reports no problem with the definition', async () => {
  const status = await own.kubectl('get', 'crd', CRD_NAME, '-o', 'jsonpath={.status.conditions[*].type}');
  expect(status.split(' ').toSorted()).toEqual(['Established', 'NamesAccepted']);
});

describe('the same object in both versions', () => {
  it.each(['', '--server-side'])('after kubectl apply %s of either', async (flag) => {
    const name = `etl${flag === '' ? '' : '-ssa'}`;
    const flags = flag === '' ? [] : [flag];
    await apply(asV1alpha1(name), ...flags);
    const [alpha, beta] = [await read(ALPHA, name), await read(BETA, name)];
    expect(alpha.spec).toMatchObject(SPEC);
    expect(beta.spec).toEqual(toV1beta1(alpha).spec);
    // The same file again changes nothing.
    expect(await apply(asV1alpha1(name), ...flags)).toMatch(flag === '' ? /unchanged/ : /serverside-applied/);
    expect((await read(BETA, name))['metadata']).toMatchObject({ generation: 1 });
    // Another user has one in v1beta1.
    const other = { ...toV1beta1(asV1alpha1(name)), spec: { ...beta.spec, suspend: true } };
    await apply(other, ...flags, ...(flag === '' ? [] : ['--force-conflicts']));
    expect((await read(ALPHA, name)).spec).toEqual({ ...normalized(alpha).spec, suspend: true });
  });

  it('after a patch, in the version of the patch', async () => {
    await apply(asV1alpha1('patched'));
    const merge = async (resource: string, spec: unknown): Promise<string> =>
      own.kubectl('patch', resource, 'patched', '--type=merge', `-p=${JSON.stringify({ spec })}`);
    await merge(`${PLURAL}.v1alpha1.${GROUP}`, { stepPolicies: [{ name: 'extract', backoffLimit: 5 }] });
    expect((await read(BETA, 'patched')).spec['steps']).toEqual([
      { ...SPEC.containers[0], job: { backoffLimit: 5 } },
      SPEC.containers[1],
    ]);
    await merge(`${PLURAL}.v1beta1.${GROUP}`, { job: { backoffLimit: 1 } });
    expect((await read(ALPHA, 'patched')).spec['backoffLimit']).toBe(1);
  });

  it('in lists and watches', async () => {
    const [alpha, beta] = [await list(ALPHA), await list(BETA)];
    expect(alpha.length).toBeGreaterThan(2);
    expect(beta).toEqual(alpha.map((object) => toV1beta1(object)));
    const watched = await own.kubectl(
      'get',
      `${PLURAL}.v1alpha1.${GROUP}`,
      '-o',
      'name',
      '--watch',
      '--request-timeout=3s',
    );
    expect(watched.trim().split('\n')).toHaveLength(alpha.length);
  });
});

it('an integer that a double does not hold is the same in both versions', async () => {
  const seconds = '9007199254740993';
  const file = join(folder, 'long.yaml');
  const { spec: _, ...head } = asV1alpha1('long');
  const spec = `{"containers":[{"name":"a","image":"${image}"}],"activeDeadlineSeconds":${seconds}}`;
  await writeFile(file, `${JSON.stringify(head).slice(0, -1)},"spec":${spec}}`);
  await own.kubectl('create', '-f', file);
  for (const version of ['v1alpha1', 'v1beta1'])
    expect(await own.kubectl('get', `${PLURAL}.${version}.${GROUP}`, 'long', '-o', 'json')).toContain(`: ${seconds}`);
});

it('a policy without a container can be stored where no webhook validates, and breaks no list', async () => {
  await apply(asV1alpha1('orphan', { ...SPEC, stepPolicies: [{ name: 'upload', backoffLimit: 1 }] }));
  expect(await list(BETA)).toHaveLength((await list(ALPHA)).length);
  expect((await read(BETA, 'orphan')).spec['steps']).toContainEqual({ name: 'upload', job: { backoffLimit: 1 } });
});

onServersWhere(knowsRules)('the rules of the definition, for a sequence that has started', () => {
  const merge = async (resource: Resource, spec: object): Promise<string> =>
    client
      .request({
        method: 'PATCH',
        path: objectPath(resource, NAMESPACE, 'started'),
        query: { dryRun: 'All' },
        contentType: PATCH_TYPE.merge,
        body: { spec },
      })
      .then(
        () => '',
        (error: unknown) => {
          if (isApiError(error, 'Invalid')) return error.message;
          throw error;
        },
      );

  beforeAll(async () => {
    await apply(asV1alpha1('started'));
    await client.request({
      method: 'PATCH',
      path: `${objectPath(BETA, NAMESPACE, 'started')}/status`,
      contentType: PATCH_TYPE.merge,
      body: { status: { startTime: '2026-01-01T00:00:00Z', steps: [{ index: 0, name: 'extract', state: 'Running' }] } },
    });
    await apply(withWebhook(CRD_WITH_RULES, own.webhook));
    await eventually('the rules in force', async () => (await merge(ALPHA, { backoffLimit: 9 })) !== '');
  });

  it('refuse the same to clients of v1alpha1, in its words', async () => {
    const [extract, load] = SPEC.containers;
    const other = { ...extract, image: 'busybox:1.35' };
    const pod = { restartPolicy: 'OnFailure', nodeSelector: { a: 'b' }, serviceAccountName: 'root' };
    const lists = { volumes: [], initContainers: [{ name: 'x' }] };
    const said = await Promise.all([
      merge(ALPHA, { backoffLimit: 9 }),
      merge(ALPHA, { containers: [other, load] }),
      merge(ALPHA, { updatePolicy: 'FutureSteps', containers: [other, load] }),
      merge(ALPHA, { stepPolicies: [] }),
      merge(ALPHA, { template: { metadata: { labels: { team: 'b' }, annotations: { a: 'b' } }, spec: pod } }),
      merge(ALPHA, { template: { spec: lists } }),
    ]);
    expect(V1ALPHA1_VALIDATION_RULES.filter(({ message }) => !said.some((one) => one.includes(message)))).toEqual([]);
  });

  it('let the rest through, in both versions', async () => {
    const [extract, load] = SPEC.containers;
    const steps = [extract, { ...load, job: { backoffLimit: 0 }, onFailure: 'Continue' }];
    for (const spec of [{}, { suspend: true }, { resume: 1 }]) {
      expect(await merge(ALPHA, spec)).toBe('');
      expect(await merge(BETA, spec)).toBe('');
    }
    expect(await merge(ALPHA, { containers: SPEC.containers, stepPolicies: SPEC.stepPolicies })).toBe('');
    expect(await merge(BETA, { steps })).toBe('');
  });
});

it('while the webhook is down, the stored version goes on, and the other one says why it does not', async () => {
  // On older servers an object that is managed in the other version needs the webhook for every write.
  await apply(toV1beta1(asV1alpha1('beta')));
  const patch = async (name: string, body: unknown): Promise<unknown> =>
    client.request({
      method: 'PATCH',
      path: objectPath(BETA, NAMESPACE, name),
      contentType: PATCH_TYPE.merge,
      body,
    });
  // What was stored in the other version needs it, too, until it is written once.
  await patch('before', {});
  await own.webhook.child.stop(0);
  await patch('beta', { spec: { suspend: true } });
  expect((await list(BETA)).find(({ spec }) => spec['suspend'] === true)).toBeDefined();
  await client.request({ method: 'DELETE', path: objectPath(BETA, NAMESPACE, 'beta') });
  await expect(read(ALPHA, 'etl')).rejects.toThrow(/conversion webhook for .*SequentialJob failed/);
});
