/** Users of a test with exactly the permissions that it gives them. */
import { readFile, writeFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parse, stringify } from 'yaml';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { kubeconfig, tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Rule } from './manifests.ts';
import type { Namespace } from './namespace.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** Lets a user do this in the namespace. */
export async function permit(namespace: Namespace, user: string, rules: readonly Rule[]): Promise<void> {
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], ...grant(namespace.name, user, rules));
  if (code !== 0) throw new Error(stderr);
}

/** The Role and the RoleBinding. */
export function grant(namespace: string, user: string, rules: readonly Rule[]): readonly [object, object] {
  const metadata = { name: user, namespace };
  const roleRef = { apiGroup: GROUP, kind: 'Role', name: user };
  const subjects = [{ apiGroup: GROUP, kind: 'User', name: user }];
  const apiVersion = `${GROUP}/v1`;
  return [
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects },
  ];
}

/** A connection of a user who may do exactly this in the namespace; resolves when the API server grants `path`. */
export async function connectAs(
  user: string,
  namespace: Namespace,
  rules: readonly Rule[],
  path: string,
): Promise<ApiClient> {
  await permit(namespace, user, rules);
  const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
  const config = new KubeConfig();
  const impersonating = users.map((one) => Object.assign({}, one, { impersonateUser: user }));
  config.loadFromOptions({ clusters, contexts, users: impersonating, currentContext });
  const client = createApiClient(config, { userAgent: 'sequentialjob-tests' });
  // The authorizer learns of the role by a watch.
  await eventually('the permission', () => client.request<object>({ method: 'GET', path }));
  return client;
}

/** Writes a kubeconfig in the name of a user to a file. */
export async function writeKubeconfigAs(user: string, from: string, file: string): Promise<void> {
  const config = parse(await readFile(from, 'utf8')) as { users: { user: object }[] };
  for (const one of config.users) Object.assign(one.user, { as: user });
  await writeFile(file, stringify(config));
}
