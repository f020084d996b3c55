/** Metrics and probes as a role: the first to start, so that the start can be watched, and the last to stop. */
import type { Registry } from 'prom-client';
import type { Checks } from '../../shared/health.ts';
import type { Log } from '../../shared/log.ts';
import { addProcessMetrics } from '../../shared/metrics/registry.ts';
import { MetricsServer } from '../../shared/metrics/server.ts';
import { cannotListen } from './cannot-listen.ts';
import type { Role } from './role.ts';

/** What a scrape may still take at the end. */
const GRACE_MS = 1_000;

export interface MetricsRoleOptions {
  /** What is served; the process's own metrics are added to it. */
  readonly registry: Registry;
  /** What has to be true for `/readyz`. */
  readonly checks: Checks;
}

export class MetricsRole implements Role {
  /** Whoever can be asked serves. */
  readonly checks = {};
  readonly #port: number;
  readonly #log: Log;
  readonly #server: MetricsServer;

  constructor(port: number, log: Log, { registry, checks }: MetricsRoleOptions) {
    this.#port = port;
    this.#log = log;
    addProcessMetrics(registry);
    this.#server = new MetricsServer({ registry, checks, log });
  }

  async start(): Promise<void> {
    try {
      const { address, port } = await this.#server.listen(this.#port);
      this.#log.info({ address, port }, 'metrics started');
    } catch (error) {
      throw cannotListen('metrics', this.#port, error);
    }
  }

  async stop(): Promise<void> {
    await this.#server.close(GRACE_MS);
  }
}
