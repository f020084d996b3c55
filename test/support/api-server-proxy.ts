/**
 * Stands between a controller and the API server. It knows what each request is about and where a watch event begins: a test
 * may look at requests, delay, refuse or lose them, and change what a watch delivers.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parse, stringify } from 'yaml';
import { type WatchEvent, readWatchEvents } from '../../shared/kube/watch.ts';
import { type RequestInfo, requestInfoOf } from './request-info.ts';

export type { WatchEvent } from '../../shared/kube/watch.ts';

export interface ProxyRequest extends RequestInfo {
  /** May be changed: it is what the API server gets. */
  readonly query: URLSearchParams;
  /** As it was sent; empty where there is none. */
  readonly body: string;
}

/** An answer in place of the API server's. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: object;
}

/** What happens to a request. `first` is waited for before the connection is cut. */
export type Treatment =
  /** Not sent to the API server, and no answer. */
  | { readonly type: 'withhold'; readonly first: () => Promise<void> }
  /** Carried out, and the answer is lost. */
  | { readonly type: 'lose'; readonly first?: () => Promise<void> }
  /** Not sent to the API server. */
  | { readonly type: 'refuse'; readonly answer: Reply }
  /** Carried out, and answered wrongly. */
  | { readonly type: 'belie'; readonly answer: Reply }
  /** Not sent to the API server, and never answered: the connection stays open. */
  | { readonly type: 'silence' }
  /** Carried out and answered, but of the answer's body nothing arrives: a watch without events. */
  | { readonly type: 'mute' }
  /** Carried out; the connection is cut in the middle of the answer's body, or of its first part. */
  | { readonly type: 'cut' };

type Treat = (request: ProxyRequest) => Promise<Treatment | undefined> | Treatment | undefined;

export interface ApiServerProxy {
  /** A kubeconfig for the proxy, which adds the credentials. */
  readonly kubeconfig: string;
  /** The watches that are open, oldest first. */
  readonly streams: readonly WatchStream[];
  /** Called for each request in the order of their arrival; undefined: it passes. */
  treat: Treat;
  /** Called with each watch event; what is not sent is not delivered. */
  event: (stream: WatchStream, event: WatchEvent) => void;
  /** Called when the API server has answered, with the message of a Status that refuses the request. */
  answered: (request: RequestInfo, status: number, message?: string) => void;
  /** From now on all requests and watch events pass. */
  clear(): void;
  close(): Promise<void>;
}

/** The answer to one watch, as the controller gets it. */
export class WatchStream {
  /** `<group>/<resource>` */
  readonly resource: string;
  readonly #answer: ServerResponse;

  constructor(resource: string, answer: ServerResponse) {
    this.resource = resource;
    this.#answer = answer;
  }

  send(event: WatchEvent): void {
    this.sendText(`${JSON.stringify(event)}\n`);
  }

  sendText(text: string): void {
    if (!this.#answer.writableEnded) this.#answer.write(text);
  }

  /** Ends as a server does when the time of this watch is up. */
  end(): void {
    this.#answer.end();
  }

  /** Resets the connection, after what was sent has left. */
  cut(): void {
    setImmediate(() => this.#answer.socket?.resetAndDestroy());
  }
}

const pass = { treat: () => undefined, event: (stream: WatchStream, event: WatchEvent) => stream.send(event) } as const;

/** `kubeconfig` is that of an administrator with a client certificate; `user`: in whose name it asks, if not in his own. */
export async function startApiServerProxy(kubeconfig: string, user?: string): Promise<ApiServerProxy> {
  const { url: upstream, agent } = await apiServerOf(kubeconfig);
  const streams = new Set<WatchStream>();
  const impersonation = user === undefined ? {} : { 'impersonate-user': user };

  const serve = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const body = await text(from);
    const url = new URL(from.url ?? '', upstream);
    const asked = { ...requestInfoOf(from), query: url.searchParams, body };
    const treatment = await proxy.treat(asked);
    if (await isWithheld(treatment, to)) return;
    const headers = { ...from.headers, ...impersonation };
    const onward = request(url, { agent, method: from.method, headers }, (answer) => {
      void report(asked, answer);
      if (treatment === undefined && asked.verb === 'watch' && answer.statusCode === 200) watch(asked, answer, to);
      else void deliver(treatment, answer, to);
    });
    onward.on('error', () => to.destroy());
    // A watch ends when its client hangs up. Any other request is carried out, also where it was held back for long.
    to.on('close', () => asked.verb === 'watch' && onward.destroy());
    onward.end(body);
  };

  const report = async (asked: RequestInfo, answer: IncomingMessage): Promise<void> => {
    const { statusCode = 0 } = answer;
    if (statusCode !== 403) proxy.answered(asked, statusCode);
    else proxy.answered(asked, statusCode, (JSON.parse(await copyOf(answer)) as { readonly message: string }).message);
  };

  const watch = ({ resource }: RequestInfo, from: IncomingMessage, to: ServerResponse): void => {
    const stream = new WatchStream(resource, to);
    streams.add(stream);
    to.on('close', () => streams.delete(stream));
    begin(from, to);
    void relay(from, stream, (event) => proxy.event(stream, event));
  };

  const server = createServer((from, to) => void serve(from, to).catch(() => to.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const path = join(tmpdir(), `sequentialjob-proxy-${randomUUID()}.yaml`);
  await writeFile(path, kubeconfigFor((server.address() as AddressInfo).port));
  const proxy: ApiServerProxy = {
    ...pass,
    kubeconfig: path,
    answered: () => undefined,
    get streams() {
      return [...streams];
    },
    clear: () => void Object.assign(proxy, pass),
    close: async () => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await Promise.all([once(server, 'close'), rm(path)]);
    },
  };
  return proxy;
}

/** True where the request is not to be sent to the API server. */
async function isWithheld(treatment: Treatment | undefined, to: ServerResponse): Promise<boolean> {
  if (treatment?.type === 'withhold') {
    await treatment.first();
    to.destroy();
    return true;
  }
  if (treatment?.type === 'refuse') send(treatment.answer, to);
  return treatment?.type === 'refuse' || treatment?.type === 'silence';
}

/** Delivers the answer of the API server, or what is left of it. */
async function deliver(treatment: Treatment | undefined, from: IncomingMessage, to: ServerResponse): Promise<void> {
  if (treatment?.type === 'lose') {
    await treatment.first?.();
    to.destroy();
  } else if (treatment?.type === 'belie') {
    from.resume();
    send(treatment.answer, to);
  } else {
    begin(from, to);
    if (treatment?.type === 'cut') cutShort(from, to);
    else if (treatment?.type === 'mute') from.resume();
    else from.on('error', () => to.destroy()).pipe(to);
  }
}

function send({ status, headers, body }: Reply, to: ServerResponse): void {
  to.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function begin(from: IncomingMessage, to: ServerResponse): void {
  to.writeHead(from.statusCode ?? 502, from.headers);
  // A watch may be silent for long, and its client waits for the headers.
  to.flushHeaders();
}

function cutShort(from: IncomingMessage, to: ServerResponse): void {
  from.once('data', (chunk: Buffer) => {
    to.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => to.destroy());
    from.destroy();
  });
  from.once('end', () => to.destroy());
}

/** Until either side ends; where the API server breaks off, so does the proxy. */
async function relay(from: IncomingMessage, stream: WatchStream, take: (event: WatchEvent) => void): Promise<void> {
  try {
    for await (const event of readWatchEvents(from)) take(event);
    stream.end();
  } catch {
    stream.cut();
  }
}

/** The body of an answer that is delivered at the same time. */
async function copyOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  answer.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(answer, 'close');
  return Buffer.concat(chunks).toString();
}

async function apiServerOf(kubeconfig: string): Promise<{ readonly url: string; readonly agent: Agent }> {
  const file = parse(await readFile(kubeconfig, 'utf8')) as {
    readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
    readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
  };
  const [[{ cluster }], [{ user }]] = [file.clusters, file.users];
  const pem = (base64: string | undefined): Buffer => Buffer.from(base64 ?? '', 'base64');
  const agent = new Agent({
    keepAlive: true,
    ca: pem(cluster['certificate-authority-data']),
    cert: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  });
  return { url: cluster['server'] ?? '', agent };
}

function kubeconfigFor(port: number): string {
  const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  return stringify({
    clusters: [{ name: 'proxy', cluster }],
    users: [{ name: 'proxy', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
    'current-context': 'proxy',
  });
}

/** A Status as the API server sends it, as an answer or inside a watch. */
export function statusOf(code: number, reason: string, message = reason): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

/** Refuses a request with a Status. */
export const refuse = (status: number, reason: string, message = reason, more: object = {}): Treatment => ({
  type: 'refuse',
  answer: { status, body: { ...statusOf(status, reason, message), ...more } },
});

export const EXPIRED = statusOf(410, 'Expired', 'too old resource version');
