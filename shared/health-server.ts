/**
 * The kubelet's probes, on a port that is for nothing else: no scrape and no review holds a connection that they need. None
 * of the manifests' network policies lets anybody else in; where nothing enforces them, whoever fills it pays with their own
 * connections (shared/connections.ts).
 */
import type { Checks } from './health.ts';
import type { Log } from './log.ts';
import { type HttpLimits, HttpServer, probesOf } from './http-server.ts';

/** The kubelet opens a connection for each probe, and gives up after 3 s or 5 s (config/manager/deployment.yaml). */
const HEALTH_LIMITS: HttpLimits = {
  requestTimeout: 5_000,
  answerTimeout: 5_000,
  idleTimeout: 5_000,
  keepAliveTimeout: 0,
  checkInterval: 1_000,
  maxConnections: 32,
};

export interface HealthServerOptions {
  /** What has to be true for `/readyz`, each also for itself. */
  readonly checks: Checks;
  readonly log: Log;
}

/** Serves `/healthz`, `/readyz` and `/readyz/NAME`. */
export const createHealthServer = ({ checks, log }: HealthServerOptions): HttpServer =>
  new HttpServer({ endpoints: probesOf(checks), log, limits: HEALTH_LIMITS });
