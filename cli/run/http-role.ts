/** A server of plain HTTP as a role: the first to start, so that the start can be watched, and the last to stop. */
import type { Log } from '../../shared/log.ts';
import type { HttpServer } from '../../shared/http-server.ts';
import { listenError } from './listen-error.ts';
import type { Role } from './role.ts';

/** What an answer may still take at the end. */
const GRACE_MS = 1_000;

export interface HttpRoleOptions {
  /** What it serves, for the log. */
  readonly name: 'metrics' | 'health';
  readonly port: number;
  readonly log: Log;
}

export class HttpRole implements Role {
  /** Whoever can be asked serves. */
  readonly checks = {};
  readonly #server: HttpServer;
  readonly #options: HttpRoleOptions;

  constructor(server: HttpServer, options: HttpRoleOptions) {
    this.#server = server;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { name, port: asked, log } = this.#options;
    try {
      const { address, port } = await this.#server.listen(asked);
      log.info({ address, port }, `${name} started`);
    } catch (error) {
      throw listenError(name, asked, error);
    }
  }

  async stop(): Promise<void> {
    await this.#server.close(GRACE_MS);
  }
}
