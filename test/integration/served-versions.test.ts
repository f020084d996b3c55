/** What the API server tells clients about the two versions, and what it lets them do in each. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { GROUP } from '../../shared/api/group.ts';
import { kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { KubectlUser, VERSIONS } from '../support/kubectl-user.ts';
import { permit } from '../support/permissions.ts';
import { sequence } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { toV1alpha1 } from '../support/versions.ts';
import { withController } from '../support/with-controller.ts';

const { namespace } = withController('served');
const folder = temporaryFolder();
const [alpha, beta] = VERSIONS.map((version) => new KubectlUser(version, namespace, folder)) as [
  KubectlUser,
  KubectlUser,
];
const USERS = [alpha, beta];

beforeAll(async () => {
  await namespace.apply('etl', sequence(2, {}, {}, { 1: { onFailure: 'Continue' } }));
  await namespace.untilCompleted('etl');
}, 120_000);

describe('discovery', () => {
  it('has both versions, and prefers v1beta1', async () => {
    const group = JSON.parse(await kubectl('get', '--raw', `/apis/${GROUP}`)) as Record<string, unknown>;
    const [first, second] = [...VERSIONS]
      .toReversed()
      .map((version) => ({ groupVersion: `${GROUP}/${version}`, version }));
    expect(group).toMatchObject({ versions: [first, second], preferredVersion: first });
  });

  it.each(['sj', 'seqjob', 'sequentialjob', 'sequentialjobs', `sequentialjobs.${GROUP}`])(
    '`kubectl get %s` reads v1beta1',
    async (resource) => {
      const { stdout } = await namespace.kubectl(['get', resource, 'etl', '-o', 'jsonpath={.apiVersion}']);
      expect(stdout).toBe(`${GROUP}/v1beta1`);
    },
  );
});

describe('the same object', () => {
  it('has one metadata, one status, and the spec of the version', async () => {
    const [inV1alpha1, inV1beta1] = await Promise.all(USERS.map((user) => user.read('etl')));
    expect(inV1alpha1).toEqual(toV1alpha1(inV1beta1));
    expect(inV1alpha1?.spec).toHaveProperty('containers');
    expect(inV1beta1?.spec).toHaveProperty('steps');
  });

  it('has the same columns', async () => {
    const rows = USERS.map((user) => user.run(['get', user.resource, 'etl']));
    const [inV1alpha1, inV1beta1] = await Promise.all(rows);
    expect(inV1alpha1?.stdout).toMatch(/etl +Completed +2\/2/);
    expect(inV1alpha1?.stdout.replace(/\S+$/m, '')).toBe(inV1beta1?.stdout.replace(/\S+$/m, ''));
  });
});

describe('permissions', () => {
  const RULE = { apiGroups: [GROUP], resources: ['sequentialjobs'], verbs: ['get', 'patch'] };
  const act = async (user: KubectlUser, name: string, ...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await user.run([...args, '--as', name]);
    return code === 0 ? 'done' : stderr;
  };
  const patch = ['-p={"metadata":{"labels":{"a":"b"}}}', '--type=merge'];

  beforeAll(async () => {
    await permit(namespace, 'jane', [RULE]);
    await eventually('the role', async () => (await act(beta, 'jane', 'get', beta.resource, 'etl')) === 'done');
  });

  it.each(USERS)('of a role hold in $version', async (user) => {
    const { resource } = user;
    expect(await act(user, 'jane', 'get', resource, 'etl')).toBe('done');
    expect(await act(user, 'jane', 'patch', resource, 'etl', ...patch)).toBe('done');
    const refused = `cannot delete resource "sequentialjobs" in API group "${GROUP}"`;
    expect(await act(user, 'jane', 'delete', resource, 'etl')).toMatch(refused);
  });

  it.each(USERS)('are needed in $version', async (user) => {
    const refused = `cannot get resource "sequentialjobs" in API group "${GROUP}"`;
    expect(await act(user, 'joe', 'get', user.resource, 'etl')).toMatch(refused);
  });
});
