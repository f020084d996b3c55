/** What proxies before the API server have in common: the way to it, how a request is read, how an answer is passed on. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { parse } from 'yaml';

/** What is asked of the API server, as RBAC has it. */
export interface RequestInfo {
  readonly verb: string;
  /** `<group>/<resource>[/<subresource>]`. */
  readonly resource: string;
  readonly name: string | undefined;
  /** Absent where it is about all, or about what has none. */
  readonly namespace?: string;
}

interface KubeConfigFile {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** The API server, reached as the user of a kubeconfig with a client certificate. */
export class ApiServerUpstream {
  readonly #server: string;
  readonly #agent: Agent;

  private constructor(server: string, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
  }

  static async of(kubeconfig: string): Promise<ApiServerUpstream> {
    const file = parse(await readFile(kubeconfig, 'utf8')) as KubeConfigFile;
    const { cluster } = file.clusters[0] ?? { cluster: {} };
    const admin = file.users[0]?.user ?? {};
    const pem = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64');
    const agent = new Agent({
      keepAlive: true,
      ca: pem(cluster['certificate-authority-data']),
      cert: pem(admin['client-certificate-data']),
      key: pem(admin['client-key-data']),
    });
    return new ApiServerUpstream(cluster['server'] ?? '', agent);
  }

  /** Begins to send a request on; its body is the caller's to write. */
  ask(
    { url = '', method = '', headers }: IncomingMessage,
    more: Readonly<Record<string, string>>,
    answered: (answer: IncomingMessage) => void,
  ): ClientRequest {
    const options = { agent: this.#agent, method, headers: { ...headers, ...more } };
    return request(new URL(url, this.#server), options, answered);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Listens on a loopback port of its own; resolves with the URL. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** Cuts what is open, and resolves when nothing listens any more. */
export async function shutDown(server: Server, upstream: ApiServerUpstream): Promise<void> {
  server.closeAllConnections();
  server.close();
  upstream.close();
  await once(server, 'close');
}

/** Passes an answer on as it comes. */
export function forward(from: IncomingMessage, to: ServerResponse): void {
  begin(from, to);
  from.on('error', () => to.destroy());
  from.pipe(to);
}

/** Passes on the head of an answer. */
export function begin(from: IncomingMessage, to: ServerResponse): void {
  to.writeHead(from.statusCode ?? 502, from.headers);
  // A watch may be silent for long, and is to be known as open.
  to.flushHeaders();
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
  const question = { verb: verbOf(method, name, searchParams.has('watch')), resource, name };
  return namespace === undefined ? question : { ...question, namespace };
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
