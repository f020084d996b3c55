import type { IncomingMessage } from 'node:http';

/** What a request asks of the API server, in the terms of RBAC. */
export interface RequestInfo {
  readonly verb: string;
  /** `<group>/<resource>[/<subresource>]`. */
  readonly resource: string;
  readonly name: string | undefined;
  /** Undefined where it is about all, or about a resource without. */
  readonly namespace: string | undefined;
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb */
export function requestInfoOf({ method = '', url = '' }: Pick<IncomingMessage, 'method' | 'url'>): RequestInfo {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const [, root, ...parts] = pathname.split('/');
  const group = root === 'apis' ? parts[0] : '';
  const rest = parts.slice(root === 'apis' ? 2 : 1);
  const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest[1] : undefined;
  const [plural = '', name, subresource] = namespace === undefined ? rest : rest.slice(2);
  const resource = `${group}/${plural}${subresource === undefined ? '' : `/${subresource}`}`;
  return { verb: verbOf(method, name, searchParams.has('watch')), resource, name, namespace };
}

function verbOf(method: string, name: string | undefined, isWatch: boolean): string {
  switch (method) {
    case 'GET':
      return name !== undefined ? 'get' : isWatch ? 'watch' : 'list';
    case 'DELETE':
      return name === undefined ? 'deletecollection' : 'delete';
    default:
      return VERBS[method] ?? method;
  }
}
