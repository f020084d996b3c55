/**
 * Secrets are asked for only where that is switched on, by a role of its own and a flag: as the API server's RBAC sees the
 * two accounts, and as it is asked.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { getCondition } from '../../shared/conditions.ts';
import { type ApiClient, type ApiRequest, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { collectionPath, CONFIG_MAPS, JOBS, type Resource, SECRETS } from '../../shared/kube/resources.ts';
import { kubeconfig } from '../support/cluster.ts';
import type { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';
import { ROOT, type Rule } from '../support/manifests.ts';
import { recordingLog } from '../support/recording-log.ts';
import { step, withConfigMap, withSecret } from '../support/sequences.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

async function rulesOf(file: string): Promise<readonly Rule[]> {
  return (parse(await readFile(join(ROOT, 'config', file), 'utf8')) as { readonly rules: readonly Rule[] }).rules;
}

interface Asked {
  /** Paths of requests. */
  readonly paths: string[];
}

/** Somebody with exactly these roles in the namespace; what is asked goes into `asked`. */
async function connectWith(roles: readonly string[], asked: Asked, namespace: Namespace): Promise<ApiClient> {
  const of = (plural: string): Resource => ({ root: RBAC, plural });
  const name = 'account-of-a-test';
  const user = `${name}-${roles.length}`;
  const rules = (await Promise.all(roles.map(rulesOf))).flat();
  await namespace.create(of('roles'), { metadata: { name }, rules });
  const apiGroup = 'rbac.authorization.k8s.io';
  await namespace.create(of('rolebindings'), {
    metadata: { name },
    roleRef: { apiGroup, kind: 'Role', name },
    subjects: [{ apiGroup, kind: 'User', name: user }],
  });
  const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
  const config = new KubeConfig();
  const impersonating = users.map((one) => Object.assign({}, one, { impersonateUser: user }));
  config.loadFromOptions({ clusters, contexts, users: impersonating, currentContext });
  const client = createApiClient(config, { userAgent: 'sequentialjob-tests' });
  // The authorizer learns of the role by a watch.
  await eventually('the permission', async () =>
    client.request({ method: 'GET', path: collectionPath(JOBS, namespace.name) }),
  );
  return {
    server: client.server,
    request: async <T>(request: ApiRequest): Promise<T> => {
      asked.paths.push(request.path);
      return client.request<T>(request);
    },
    stream: (request) => client.stream(request),
    close: () => client.close(),
  };
}

const DEFAULT_ROLES = ['rbac/controller-role.yaml', 'dependency-check/role.yaml'] as const;
const aboutSecrets = ({ paths }: Asked): readonly string[] => paths.filter((path) => path.includes('/secrets'));

describe('by default', () => {
  const asked: Asked = { paths: [] };
  const { log, lines } = recordingLog();
  const here = withInProcessController({
    prefix: 'no-secrets',
    connect: connectWith.bind(undefined, DEFAULT_ROLES, asked),
    log,
  });

  it('no request is about Secrets, and so none is refused; ConfigMaps are looked at all the same', async () => {
    const needy = withConfigMap(step('s1'), 'settings');
    await here.namespace.apply('default', { containers: [withSecret(step('s0'), 'login'), needy] });
    const isWaiting = (reason: string): Promise<unknown> =>
      here.namespace.until(
        'default',
        ({ status }) => getCondition(status?.conditions, 'ResourcesUnavailable')?.reason === reason,
      );
    await isWaiting('CreateContainerConfigError');
    await here.namespace.createObject(SECRETS, { metadata: { name: 'login' }, stringData: { token: 'x' } });
    await isWaiting('ConfigMapNotFound');
    await here.namespace.createObject(CONFIG_MAPS, { metadata: { name: 'settings' }, data: { token: 'x' } });
    expect((await here.namespace.untilFinished('default')).status?.phase).toBe('Completed');
    expect(aboutSecrets(asked)).toEqual([]);
    expect(asked.paths.filter((path) => path.includes('/configmaps/'))).not.toEqual([]);
    expect(lines.filter(({ msg }) => msg.startsWith('no permission'))).toEqual([]);
  });
});

describe('with --check-secrets and the role secret-check', () => {
  const asked: Asked = { paths: [] };
  const { log, lines } = recordingLog();
  const roles = [...DEFAULT_ROLES, 'secret-check/role.yaml'];
  const connect = connectWith.bind(undefined, roles, asked);
  const here = withInProcessController({ prefix: 'secrets', connect, log, checkSecrets: true });

  it('a step waits without a Job until its Secret is there', async () => {
    await here.namespace.apply('checked', { containers: [withSecret(step('s0'), 'login')] });
    const { status } = await here.namespace.until(
      'checked',
      (one) => getCondition(one.status?.conditions, 'ResourcesUnavailable')?.reason === 'SecretNotFound',
    );
    expect(getCondition(status?.conditions, 'ResourcesUnavailable')?.message).toBe('Secret "login" not found');
    expect(await here.namespace.jobNames('checked')).toEqual([]);
    await here.namespace.createObject(SECRETS, { metadata: { name: 'login' }, stringData: { token: 'x' } });
    expect((await here.namespace.untilFinished('checked')).status?.phase).toBe('Completed');
    expect(aboutSecrets(asked)).not.toEqual([]);
    expect(lines.filter(({ msg }) => msg.startsWith('no permission'))).toEqual([]);
  });
});
