/** Serves metrics over plain HTTP, and the probes on the same port for people who look at one port only. */
import type { Registry } from 'prom-client';
import type { Checks } from '../health.ts';
import type { Log } from '../log.ts';
import { type HttpLimits, HttpServer, probeEndpoints } from '../http-server.ts';

/**
 * Prometheus times out a scrape after 10 s by default. The next scrape, 15 s to 60 s later, opens another connection:
 * keeping idle connections that long would let any client hold them.
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
  /** The checks of `/readyz`. */
  readonly checks: Checks;
  readonly log: Log;
  readonly limits?: Partial<HttpLimits>;
}

/** Serves `/metrics` and the probes. */
export function createMetricsServer({ registry, checks, log, limits }: MetricsServerOptions): HttpServer {
  const metrics = async (): Promise<{ status: number; type: string; message: string }> => ({
    status: 200,
    type: registry.contentType,
    message: await registry.metrics(),
  });
  const endpoints = { '/metrics': metrics, ...probeEndpoints(checks) };
  return new HttpServer({ endpoints, log, limits: { ...METRICS_LIMITS, ...limits } });
}
