/**
 * The kubelet's probes on a port of their own, so that scrapes and reviews cannot use up the connections that the
 * probes need. The network policies of the manifests let no other client in. Without enforcement, a client that opens
 * all connections loses its own (shared/connections.ts).
 */
import type { Checks } from './health.ts';
import type { Log } from './log.ts';
import { type HttpLimits, HttpServer, probeEndpoints } from './http-server.ts';

/** The kubelet opens a connection for each probe, and times out after 3 s or 5 s (config/manager/deployment.yaml). */
const HEALTH_LIMITS: HttpLimits = {
  requestTimeout: 5_000,
  answerTimeout: 5_000,
  idleTimeout: 5_000,
  keepAliveTimeout: 0,
  checkInterval: 1_000,
  maxConnections: 32,
};

export interface HealthServerOptions {
  /** The checks of `/readyz`; each also has its own path. */
  readonly checks: Checks;
  readonly log: Log;
}

/** Serves `/healthz`, `/readyz` and `/readyz/NAME`. */
export const createHealthServer = ({ checks, log }: HealthServerOptions): HttpServer =>
  new HttpServer({ endpoints: probeEndpoints(checks), log, limits: HEALTH_LIMITS });
