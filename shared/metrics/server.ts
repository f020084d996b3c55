/**
 * Metrics and probes over plain HTTP. It holds nothing that is secret, and must not be held by its clients: a scraper that
 * hangs, before its request, in it or before its answer, loses its connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { ALIVE, type Checks, type Health, readiness } from '../health.ts';
import type { Log } from '../log.ts';

/** Limits of a connection, in milliseconds. */
export interface MetricsLimits {
  /** For a request, from its first byte to its last. */
  readonly requestTimeout: number;
  /** For an answer, until the client has read it all. */
  readonly answerTimeout: number;
  /** Without any traffic, in the midst of an exchange or before the first. */
  readonly idleTimeout: number;
  /** After an answer; above the interval of most scrapers. */
  readonly keepAliveTimeout: number;
  /** How often the limit of requests is looked after. */
  readonly checkInterval: number;
  /** Connections open at once; beyond, new ones are closed. */
  readonly maxConnections: number;
}

/** Prometheus gives up on a scrape after 10 s by default, the kubelet on a probe after one. */
export const METRICS_LIMITS: MetricsLimits = {
  requestTimeout: 5_000,
  answerTimeout: 10_000,
  idleTimeout: 10_000,
  keepAliveTimeout: 65_000,
  checkInterval: 1_000,
  maxConnections: 128,
};

export interface MetricsServerOptions {
  readonly registry: Registry;
  /** What has to be true for `/readyz`. */
  readonly checks: Checks;
  readonly log: Log;
  readonly limits?: Partial<MetricsLimits>;
}

interface Answer extends Pick<Health, 'message'> {
  readonly status: number;
  readonly type?: string;
}

export class MetricsServer {
  readonly #options: MetricsServerOptions;
  readonly #answerTimeout: number;
  readonly #server: Server;

  constructor(options: MetricsServerOptions) {
    const { requestTimeout, answerTimeout, idleTimeout, keepAliveTimeout, checkInterval, maxConnections } = {
      ...METRICS_LIMITS,
      ...options.limits,
    };
    this.#options = options;
    this.#answerTimeout = answerTimeout;
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
    this.#server.maxConnections = maxConnections;
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
    const overdue = setTimeout(() => response.destroy(), this.#answerTimeout);
    response.once('close', () => clearTimeout(overdue));
    // A body makes no difference, and is not waited for.
    request.resume();
    const { status, type = 'text/plain; charset=utf-8', message } = await this.#answer(request);
    if (!this.#server.listening) response.setHeader('connection', 'close');
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
    const { registry, checks, log } = this.#options;
    const path = url.split('?', 1)[0] ?? '';
    const answers = new Map<string, () => Answer | Promise<Answer>>([
      ['/metrics', async () => ({ status: 200, type: registry.contentType, message: await registry.metrics() })],
      ['/healthz', () => line(ALIVE)],
      ['/readyz', () => line(readiness(checks))],
    ]);
    const answer = answers.get(path);
    if (answer === undefined) return line({ status: 404, message: 'there is nothing here' });
    if (method !== 'GET' && method !== 'HEAD') return line({ status: 405, message: 'the method must be GET or HEAD' });
    try {
      return await answer();
    } catch (error) {
      log.error({ path, err: error }, 'no answer to a probe or scrape: a fault of the operator');
      return line({ status: 500, message: 'internal error' });
    }
  }
}

const line = ({ status, message }: { readonly status: number; readonly message: string }): Answer => ({
  status,
  message: `${message}\n`,
});
