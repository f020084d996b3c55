/**
 * Stands between a controller and the API server and understands watches: every frame goes through the hands of a test,
 * which may keep it, send it twice or something else instead, and may cut, end or silence the stream.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Frame, readFrames } from '../../shared/kube/watch.ts';
import {
  begin,
  forward,
  listen,
  type RequestInfo,
  requestInfoOf,
  shutDown,
  ApiServerUpstream,
} from './api-server-upstream.ts';

export type { Frame } from '../../shared/kube/watch.ts';

export interface Asked extends RequestInfo {
  /** May be changed: it is what the API server is asked. */
  readonly query: URLSearchParams;
}

/** An answer in the API server's place. */
export interface Reply {
  readonly status: number;
  readonly body: object;
}

export interface WatchProxy {
  /** A kubeconfig that leads through the proxy, in the name of the administrator. */
  readonly kubeconfig: string;
  /** The watches that are open, oldest first. */
  readonly streams: readonly WatchStream[];
  /** Called before a request is sent on, which waits for it; a reply is the answer, and the API server is not asked. */
  before: (asked: Asked) => Promise<Reply | undefined> | Reply | undefined;
  /** Called with each frame that comes; what is not sent is not delivered. */
  frame: (stream: WatchStream, frame: Frame) => void;
  /** From now on everything passes as it is. */
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

  send(frame: Frame): void {
    this.sendText(`${JSON.stringify(frame)}\n`);
  }

  sendText(text: string): void {
    if (!this.#answer.writableEnded) this.#answer.write(text);
  }

  /** Ends as a server does whose time for this watch is up. */
  end(): void {
    this.#answer.end();
  }

  /** Resets the connection, after what was sent has left. */
  cut(): void {
    setImmediate(() => this.#answer.socket?.resetAndDestroy());
  }
}

const pass = { before: () => undefined, frame: (stream: WatchStream, frame: Frame) => stream.send(frame) } as const;

/** `kubeconfig` is that of an administrator with a client certificate. */
export async function startWatchProxy(kubeconfig: string): Promise<WatchProxy> {
  const upstream = await ApiServerUpstream.of(kubeconfig);
  const streams = new Set<WatchStream>();
  const hand = (resource: string, from: IncomingMessage, to: ServerResponse): void => {
    const stream = new WatchStream(resource, to);
    streams.add(stream);
    to.on('close', () => streams.delete(stream));
    begin(from, to);
    void relay(from, stream, (frame) => proxy.frame(stream, frame));
  };
  const serve = async (from: IncomingMessage, to: ServerResponse): Promise<void> => {
    const url = new URL(from.url ?? '', 'http://server');
    const asked = { ...requestInfoOf(from), query: url.searchParams };
    const reply = await proxy.before(asked);
    if (reply !== undefined) {
      to.writeHead(reply.status, { 'content-type': 'application/json' }).end(JSON.stringify(reply.body));
      return;
    }
    from.url = `${url.pathname}${url.search}`;
    const onward = upstream.ask(from, {}, (answered) => {
      if (asked.verb === 'watch' && answered.statusCode === 200) hand(asked.resource, answered, to);
      else forward(answered, to);
    });
    onward.on('error', () => to.destroy());
    // A watch ends when the one who asked hangs up; what was held back is sent on all the same.
    to.on('close', () => asked.verb === 'watch' && onward.destroy());
    from.pipe(onward);
  };
  const server = createServer((from, to) => void serve(from, to).catch(() => to.destroy()));
  const path = join(tmpdir(), `sequentialjob-proxy-${randomUUID()}.yaml`);
  await writeFile(path, kubeconfigFor(await listen(server)));
  const proxy: WatchProxy = {
    ...pass,
    kubeconfig: path,
    get streams() {
      return [...streams];
    },
    clear: () => void Object.assign(proxy, pass),
    close: async () => {
      await Promise.all([shutDown(server, upstream), rm(path)]);
    },
  };
  return proxy;
}

/** Until either side ends; what the API server breaks off is broken off for the controller too. */
async function relay(from: IncomingMessage, stream: WatchStream, take: (frame: Frame) => void): Promise<void> {
  try {
    for await (const frame of readFrames(from)) take(frame);
    stream.end();
  } catch {
    stream.cut();
  }
}

function kubeconfigFor(server: string): string {
  return stringify({
    clusters: [{ name: 'proxy', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'proxy', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
    'current-context': 'proxy',
  });
}

/** A Status as the API server says it, as an answer or inside a stream. */
export function statusOf(code: number, reason: string, message = reason): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

export const EXPIRED = statusOf(410, 'Expired', 'too old resource version');
