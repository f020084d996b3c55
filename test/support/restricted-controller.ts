/** A controller with the permissions of one service account, whose requests are recorded. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { BYPASSED } from './admission.ts';
import { type ApiServerProxy, startApiServerProxy } from './api-server-proxy.ts';
import { connect, kubeconfig, kubectl, tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import { type Manifest, parseManifests, ROOT, type Rule } from './manifests.ts';
import { Namespace } from './namespace.ts';
import { Operator } from './operator.ts';
import type { RequestInfo } from './request-info.ts';
import { gated } from './sequences.ts';

export const SYSTEM = 'sequentialjob-system';
const GROUP = 'rbac.authorization.k8s.io';

/** `batch/jobs create`: a permission, or a request that needs it. */
export const permissionOf = ({ resource, verb }: Pick<RequestInfo, 'resource' | 'verb'>): string =>
  `${resource} ${verb}`;

export async function applyAll(objects: readonly object[]): Promise<void> {
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], ...objects);
  if (code !== 0) throw new Error(stderr);
}

/** All roles and bindings of config/, as they are applied. */
export async function builtRoles(): Promise<readonly Manifest[]> {
  const folders = ['rbac', 'dependency-check', 'secret-check'];
  const built = await Promise.all(folders.map((name) => kubectl('kustomize', join(ROOT, 'config', name))));
  return built.flatMap(parseManifests);
}

/** The roles of the controller, without those for users. */
const controllerRoles = (roles: readonly Manifest[]): readonly Manifest[] =>
  roles.filter(({ kind, metadata }) => kind.endsWith('Role') && !/-(view|edit|admin)$/.test(metadata.name));

export const grantedBy = (roles: readonly Manifest[]): readonly string[] =>
  controllerRoles(roles)
    .flatMap((role) => role['rules'] as readonly Rule[])
    .flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${apiGroups[0]}/${resource} ${verb}`)),
    );

/** Creates roles with all permissions but these, and binds them to the service account. */
export async function grantAllBut(
  forbidden: readonly string[],
  account: string,
  roles: readonly Manifest[],
): Promise<void> {
  const rulesOf = (role: Manifest): readonly Rule[] =>
    (role['rules'] as readonly Rule[])
      .flatMap(({ apiGroups, resources, verbs, ...rest }) =>
        resources.map((resource) => ({
          ...rest,
          apiGroups,
          resources: [resource],
          verbs: verbs.filter((verb) => !forbidden.includes(`${apiGroups[0]}/${resource} ${verb}`)),
        })),
      )
      .filter(({ verbs }) => verbs.length > 0);
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace: SYSTEM }];
  const apiVersion = `${GROUP}/v1`;
  await applyAll(
    controllerRoles(roles).flatMap((role) => {
      const metadata = { ...role.metadata, name: `${role.metadata.name}-${account}` };
      const roleRef = { apiGroup: GROUP, kind: role.kind, name: metadata.name };
      return [
        { apiVersion, kind: role.kind, metadata, rules: rulesOf(role) },
        { apiVersion, kind: `${role.kind}Binding`, metadata, roleRef, subjects },
      ];
    }),
  );
}

/** What the API server's RBAC lets this account do in all namespaces, at this moment. */
export async function isAllowed(client: ApiClient, account: string, permission: string): Promise<boolean> {
  const [, group, resource, subresource, verb] = /^([^/]*)\/([^/ ]+)\/?(\S*) (\w+)$/.exec(permission) ?? [];
  // No namespace: in all of them.
  const resourceAttributes = { verb, group, resource, subresource };
  const { status } = await client.request<{ readonly status: { readonly allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: { spec: { user: `system:serviceaccount:${SYSTEM}:${account}`, resourceAttributes } },
  });
  return status.allowed;
}

/** It watches one namespace, so that it does not disturb other tests. No webhook is asked about that: it is then asked for more. */
export class RestrictedController {
  readonly namespace = new Namespace(connect(), 'rbac');
  /** Permissions that its requests so far needed. */
  readonly used = new Set<string>();
  /** Those of them that it did not have, with the messages of the API server. */
  readonly denied = new Map<string, string[]>();
  readonly folder: string;
  readonly #proxy: ApiServerProxy;
  operator: Operator;

  private constructor(proxy: ApiServerProxy, folder: string) {
    this.#proxy = proxy;
    this.folder = folder;
    proxy.answered = (request, status, message = '') => {
      const permission = permissionOf(request);
      this.used.add(permission);
      if (status === 403 || status === 401) this.denied.set(permission, [...this.messagesAbout(permission), message]);
    };
    this.operator = this.#spawn();
  }

  /** `folder`: of this machine, for `gated` sequences. */
  static async start(account: string, folder: string): Promise<RestrictedController> {
    const proxy = await startApiServerProxy(kubeconfig(), `system:serviceaccount:${SYSTEM}:${account}`);
    const controller = new RestrictedController(proxy, folder);
    await controller.namespace.create(BYPASSED);
    return controller;
  }

  /** With every option that makes it use a permission. */
  #spawn(): Operator {
    const election = ['--leader-elect', `--leader-election-namespace=${SYSTEM}`];
    const flags = [...election, '--check-secrets', '--log-level=debug'];
    return Operator.controller(this.#proxy.kubeconfig, this.namespace.name, flags);
  }

  /** Ends it as an update does, and starts another. */
  async restart(): Promise<void> {
    await this.operator.end('SIGTERM');
    this.operator = this.#spawn();
  }

  /** Its log, with the quotes of messages as they are. */
  get log(): string {
    return this.operator.output.replaceAll('\\"', '"');
  }

  /** The messages of the API server about a permission that is missing. */
  messagesAbout(permission: string): readonly string[] {
    return this.denied.get(permission) ?? [];
  }

  /** Loses the answer to the first request with this permission and name; resolves with how many there were. */
  async whileLosing(permission: string, name: string, body: () => Promise<void>): Promise<number> {
    let count = 0;
    this.#proxy.treat = (request) => {
      const isMeant = permissionOf(request) === permission && request.name === name;
      return isMeant && count++ === 0 ? { type: 'lose' } : undefined;
    };
    await body();
    return count;
  }

  /** Resolves when a request from now on has needed the permission. */
  async untilUsed(permission: string): Promise<void> {
    const wasUsed = this.used.delete(permission);
    await eventually(permission, () => this.used.has(permission)).finally(() => wasUsed && this.used.add(permission));
  }

  async applyGated(name: string, spec: SequentialJobSpec): Promise<void> {
    await this.namespace.apply(name, gated(this.folder, spec));
  }

  /** Lets the steps go on that wait for this file. */
  async open(file: string): Promise<void> {
    await writeFile(join(this.folder, file), '');
  }

  /** Changes one step of a sequence. */
  async change(name: string, index: number, more: Partial<Container>): Promise<void> {
    const { steps } = (await this.namespace.get(name)).spec;
    const changed = steps.map((one, i) => (i === index ? Object.assign({}, one, more) : one));
    await this.namespace.patch(name, { spec: { steps: changed } });
  }

  /** Ends it; a controller with all permissions removes what it leaves behind. */
  async end(): Promise<void> {
    await this.operator.end('SIGTERM');
    await this.#proxy.close();
    const cleaner = await Operator.start(kubeconfig(), this.namespace.name);
    await this.namespace.remove();
    await cleaner.end('SIGTERM');
    await this.namespace.client.close();
  }
}
