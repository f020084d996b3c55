/** Metrics over plain HTTP, and the probes beside them, for people who look at one port. */
import type { Registry } from 'prom-client';
import type { Checks } from '../health.ts';
import type { Log } from '../log.ts';
import { type HttpLimits, HttpServer, probesOf } from '../http-server.ts';

/**
 * Prometheus gives up on a scrape after 10 s by default. Its next one, 15 s to 60 s later, comes on another connection: one
 * that is kept so long for each client could be had by anybody.
 */
export const METRICS_LIMITS: HttpLimits = {
  requestTimeout: 5_000,
  answerTimeout: 10_000,
  idleTimeout: 10_000,
  keepAliveTimeout: 5_000,
  checkInterval: 1_000,
  maxConnections: 128,
};

export interface MetricsServerOptions {
  readonly registry: Registry;
  /** What has to be true for `/readyz`. */
  readonly checks: Checks;
  readonly log: Log;
  readonly limits?: Partial<HttpLimits>;
}

/** Serves `/metrics`, and the probes. */
export function createMetricsServer({ registry, checks, log, limits }: MetricsServerOptions): HttpServer {
  const metrics = async (): Promise<{ status: number; type: string; message: string }> => ({
    status: 200,
    type: registry.contentType,
    message: await registry.metrics(),
  });
  const endpoints = { '/metrics': metrics, ...probesOf(checks) };
  return new HttpServer({ endpoints, log, limits: { ...METRICS_LIMITS, ...limits } });
}
