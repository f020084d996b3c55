/**
 * Stands between a program and the API server: every request is sent on in the name of one user, whom the API server then
 * judges by RBAC, and what it asked for and how it was answered is written down.
 */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { parse } from 'yaml';

export interface Seen {
  /** As RBAC has it. */
  readonly verb: string;
  /** `<group>/<resource>[/<subresource>]`. */
  readonly resource: string;
  readonly name: string | undefined;
  readonly status: number;
}

interface KubeConfigFile {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

export interface RecordingProxy {
  /** In plain HTTP. */
  readonly url: string;
  readonly seen: readonly Seen[];
  /** An answer for which this is true never arrives: the connection is cut after the API server has done what was asked. */
  lose: (seen: Seen) => boolean;
  close(): Promise<void>;
}

/** `kubeconfig` is that of an administrator with a client certificate, who may impersonate. */
export async function startRecordingProxy(kubeconfig: string, user: string): Promise<RecordingProxy> {
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
  const seen: Seen[] = [];
  const server = createServer((asked, answer) => {
    const onward = request(
      new URL(asked.url ?? '', cluster['server']),
      { agent, method: asked.method, headers: { ...asked.headers, 'impersonate-user': user } },
      (answered) => {
        const one = { ...question(asked), status: answered.statusCode ?? 0 };
        seen.push(one);
        if (proxy.lose(one)) answer.destroy();
        else forward(answered, answer);
      },
    );
    onward.on('error', () => answer.destroy());
    // A watch ends when the one who asked hangs up.
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  const proxy: RecordingProxy = {
    url: await listen(server),
    seen,
    lose: () => false,
    close: async () => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
  return proxy;
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

function forward(from: IncomingMessage, to: ServerResponse): void {
  to.writeHead(from.statusCode ?? 502, from.headers);
  // A watch may be silent for long, and is to be known as open.
  to.flushHeaders();
  from.on('error', () => to.destroy());
  from.pipe(to);
}

const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb */
function question({ method = '', url = '' }: IncomingMessage): Omit<Seen, 'status'> {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const [, root, ...parts] = pathname.split('/');
  const group = root === 'apis' ? parts[0] : '';
  const rest = parts.slice(root === 'apis' ? 2 : 1);
  const [plural = '', name, subresource] = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  const resource = `${group}/${plural}${subresource === undefined ? '' : `/${subresource}`}`;
  return { verb: verbOf(method, name, searchParams.has('watch')), resource, name };
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
