/** A plain HTTP server (metrics or probes) as a role. It starts first and stops last, so that it reports start and shutdown. */
import type { Log } from '../../shared/log.ts';
import type { HttpServer } from '../../shared/http-server.ts';
import { listenError } from './listen-error.ts';
import type { Role } from './role.ts';

/** Time for in-flight responses at shutdown. */
const GRACE_MS = 1_000;

export interface HttpRoleOptions {
  /** For the log. */
  readonly name: 'metrics' | 'health';
  readonly port: number;
  readonly log: Log;
}

export class HttpRole implements Role {
  /** None: a server that answers a probe is serving. */
  readonly checks = {};
  readonly #server: HttpServer;
  readonly #options: HttpRoleOptions;

  constructor(server: HttpServer, options: HttpRoleOptions) {
    this.#server = server;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { name, port: requestedPort, log } = this.#options;
    try {
      const { address, port } = await this.#server.listen(requestedPort);
      log.info({ address, port }, `${name} started`);
    } catch (error) {
      throw listenError(name, requestedPort, error);
    }
  }

  async stop(): Promise<void> {
    await this.#server.close(GRACE_MS);
  }
}
