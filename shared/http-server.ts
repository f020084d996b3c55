/**
 * A few paths over plain HTTP, for GET. It holds nothing that is secret, and must not be held by its clients: one that hangs,
 * before its request, in it or before its answer, loses its connection; and so does one that idles where another one comes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Connections } from './connections.ts';
import { ALIVE, type Checks, readiness } from './health.ts';
import type { Log } from './log.ts';

/** Limits of a connection, in milliseconds. */
export interface HttpLimits {
  /** For a request, from its first byte to its last. */
  readonly requestTimeout: number;
  /** For an answer, until the client has read it all. */
  readonly answerTimeout: number;
  /** Without any traffic, in the midst of an exchange or before the first. */
  readonly idleTimeout: number;
  /** After an answer; 0: the answer is the last on its connection. */
  readonly keepAliveTimeout: number;
  /** How often the limit of requests is looked after. */
  readonly checkInterval: number;
  /** Connections open at once; for one more another is closed. */
  readonly maxConnections: number;
}

export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly message: string;
}

/** What is answered, by path. */
export type Endpoints = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface HttpServerOptions {
  readonly endpoints: Endpoints;
  readonly log: Log;
  readonly limits: HttpLimits;
}

/** `/healthz`, `/readyz`, and `/readyz/NAME` for each check alone, as the API server has them. */
export function probesOf(checks: Checks): Endpoints {
  const single = Object.entries(checks).map(
    ([name, check]) => [`/readyz/${name}`, () => line(readiness({ [name]: check }))] as const,
  );
  return {
    '/healthz': () => line(ALIVE),
    '/readyz': () => line(readiness(checks)),
    ...Object.fromEntries(single),
  };
}

export class HttpServer {
  readonly #endpoints: ReadonlyMap<string, () => Answer | Promise<Answer>>;
  readonly #log: Log;
  readonly #limits: HttpLimits;
  readonly #server: Server;
  readonly #connections: Connections;

  constructor({ endpoints, log, limits }: HttpServerOptions) {
    const { requestTimeout, idleTimeout, keepAliveTimeout, checkInterval, maxConnections } = limits;
    this.#endpoints = new Map(Object.entries(endpoints));
    this.#log = log;
    this.#limits = limits;
    this.#server = createServer(
      {
        requestTimeout,
        headersTimeout: requestTimeout,
        keepAliveTimeout,
        connectionsCheckingInterval: checkInterval,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.setTimeout(idleTimeout);
    this.#connections = new Connections({ most: maxConnections });
    this.#connections.guard(this.#server);
  }

  /**
   * Serves on every address, IPv6 and IPv4, or on `host` only, on a port (0: a free one), and says where. Rejects with
   * Node's own error where that is not possible.
   */
  async listen(port: number, host?: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Accepts no more connections, and closes all: those being answered after at most `graceMs`. Never rejects. */
  async close(graceMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await new Promise((resolve) => {
      // Node closes those without a request, or whose answer is on its way, here, and the others after their answer.
      this.#server.close(resolve);
    });
    clearTimeout(cut);
  }

  /** Never rejects. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const overdue = setTimeout(() => response.destroy(), this.#limits.answerTimeout);
    const connection = this.#connections.of(request.socket);
    connection?.begin();
    response.once('close', () => {
      clearTimeout(overdue);
      connection?.end();
    });
    // A body makes no difference, and is not waited for.
    request.resume();
    const { status, type = 'text/plain; charset=utf-8', message } = await this.#answer(request);
    if (!this.#server.listening || this.#limits.keepAliveTimeout === 0) response.setHeader('connection', 'close');
    if (status === 405) response.setHeader('allow', 'GET, HEAD');
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(message),
      'x-content-type-options': 'nosniff',
    });
    // Node leaves the body out of the answer to HEAD.
    response.end(message);
  }

  async #answer({ url = '', method = '' }: IncomingMessage): Promise<Answer> {
    const path = url.split('?', 1)[0] ?? '';
    const answer = this.#endpoints.get(path);
    if (answer === undefined) return line({ status: 404, message: 'not found' });
    if (method !== 'GET' && method !== 'HEAD') return line({ status: 405, message: 'the method must be GET or HEAD' });
    try {
      return await answer();
    } catch (error) {
      this.#log.error({ path, err: error }, 'internal error: failed to answer a probe or scrape (please report)');
      return line({ status: 500, message: 'internal error' });
    }
  }
}

/** An answer of one line. */
export const line = ({ status, message }: { readonly status: number; readonly message: string }): Answer => ({
  status,
  message: `${message}\n`,
});
