/**
 * Serves a few paths over plain HTTP for GET. It serves nothing secret. A client cannot block it: a connection that
 * exceeds a time limit before, during or after its request is closed, and an idle one is closed when a new one needs
 * its place.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Connections } from './connections.ts';
import { ALIVE, type Checks, readiness } from './health.ts';
import type { Log } from './log.ts';

/** Limits of a connection, in milliseconds. */
export interface HttpLimits {
  /** Time to receive a request, from its first byte to its last. */
  readonly requestTimeout: number;
  /** Time until the client has read the whole answer. */
  readonly answerTimeout: number;
  /** Time without any traffic, within a request or before the first one. */
  readonly idleTimeout: number;
  /** Idle time after an answer; 0 closes the connection after each answer. */
  readonly keepAliveTimeout: number;
  /** How often Node checks `requestTimeout`. */
  readonly checkInterval: number;
  /** Maximum number of open connections; beyond it another one is closed. */
  readonly maxConnections: number;
}

export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly message: string;
}

/** The function that answers each path. */
export type Endpoints = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface HttpServerOptions {
  readonly endpoints: Endpoints;
  readonly log: Log;
  readonly limits: HttpLimits;
}

/** `/healthz`, `/readyz`, and `/readyz/NAME` for each single check, as on the API server. */
export function probeEndpoints(checks: Checks): Endpoints {
  const single = Object.entries(checks).map(
    ([name, check]) => [`/readyz/${name}`, () => textLine(readiness({ [name]: check }))] as const,
  );
  return {
    '/healthz': () => textLine(ALIVE),
    '/readyz': () => textLine(readiness(checks)),
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
    this.#connections = new Connections({ maxConnections });
    this.#connections.limit(this.#server);
  }

  /**
   * Listens on `host`, or on all IPv4 and IPv6 addresses, and on a port (0: any free one). Returns the address in
   * use. Rejects with Node's error if it cannot listen.
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

  /** Accepts no more connections and closes all; answers in progress get at most `graceMs`. Never rejects. */
  async close(graceMs: number): Promise<void> {
    if (!this.#server.listening) return;
    const graceTimer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await new Promise((resolve) => {
      // Node closes connections without a request here, and the others after their answer.
      this.#server.close(resolve);
    });
    clearTimeout(graceTimer);
  }

  /** Never rejects. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answerTimer = setTimeout(() => response.destroy(), this.#limits.answerTimeout);
    const connection = this.#connections.find(request.socket);
    connection?.requestStarted();
    response.once('close', () => {
      clearTimeout(answerTimer);
      connection?.requestFinished();
    });
    // Drops the body, without waiting for it.
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
    if (answer === undefined) return textLine({ status: 404, message: 'not found' });
    if (method !== 'GET' && method !== 'HEAD')
      return textLine({ status: 405, message: 'the method must be GET or HEAD' });
    try {
      return await answer();
    } catch (error) {
      this.#log.error({ path, err: error }, 'internal error: failed to answer a probe or scrape (please report)');
      return textLine({ status: 500, message: 'internal error' });
    }
  }
}

/** An answer of one line of text. */
export const textLine = ({ status, message }: { readonly status: number; readonly message: string }): Answer => ({
  status,
  message: `${message}\n`,
});
