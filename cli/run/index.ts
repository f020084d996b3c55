/** `run`: start the roles → wait for SIGTERM or SIGINT → drain. */
import type { Registry } from 'prom-client';
import type { Config } from './config.ts';
import type { Checks } from '../../shared/health.ts';
import { type Log, openLog } from '../../shared/log.ts';
import { createHealthServer } from '../../shared/health-server.ts';
import { addProcessMetrics, createRegistry } from '../../shared/metrics/registry.ts';
import { createMetricsServer } from '../../shared/metrics/server.ts';
import { VERSION } from '../../shared/version.ts';
import { HttpRole } from './http-role.ts';
import type { Role } from './role.ts';
import { untilAborted, stopSignal, unlessAborted } from './stop-signal.ts';

const EXIT_FAILED = 1;

/** Limit of the whole shutdown: requests that are in flight at SIGTERM may take this long. */
const DRAIN_MS = 20_000;

/**
 * Runs the configured roles until SIGTERM or SIGINT, and resolves when all of them have drained. If a role cannot start,
 * stops the others and rejects with its error. The metrics and health servers start before the roles and stop after them.
 * `program` is the URL of this program, which the webhook's worker thread loads.
 */
export async function run(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  program: URL,
): Promise<void> {
  const log = await openLog({ level: config.logLevel, format: config.logFormat });
  const stopped = stopSignal(EXIT_FAILED);
  log.info({ version: VERSION, role: config.role }, 'starting');
  const registry = createRegistry();
  const roles = await rolesOf(config, { log, registry, kubeconfig: env['KUBECONFIG'], program });
  const observers = observersOf(config, { log, registry, checks: checksOf(roles) });
  try {
    for (const observer of observers) await observer.start(stopped);
    await unlessAborted(stopped, Promise.all(roles.map((role) => role.start(stopped))));
    await untilAborted(stopped);
    log.info('stopping');
  } finally {
    await drain([roles, observers], log);
  }
  log.info('stopped');
}

interface RunContext {
  readonly log: Log;
  readonly registry: Registry;
  /** The value of KUBECONFIG. */
  readonly kubeconfig: string | undefined;
  readonly program: URL;
}

/** Loads only the modules of the configured roles: each role accounts for half of the start time and the memory. */
async function rolesOf(config: Config, context: RunContext): Promise<readonly Role[]> {
  switch (config.role) {
    case 'webhook':
      return [await webhookRole(config, context)];
    case 'controller':
      return [await controllerRole(config, context)];
    case 'all':
      return [await webhookRole(config, context), await controllerRole(config, context)];
  }
}

async function webhookRole(config: Config, { log, registry, program }: RunContext): Promise<Role> {
  const { WebhookRole } = await import('./webhook-role.ts');
  return new WebhookRole(config, log, { registry, program });
}

async function controllerRole(config: Config, { log, registry, kubeconfig }: RunContext): Promise<Role> {
  const [{ ControllerRole }, { ControllerMetrics }] = await Promise.all([
    import('./controller-role.ts'),
    import('../../controller/metrics/index.ts'),
  ]);
  return new ControllerRole(config, log, kubeconfig, new ControllerMetrics(registry));
}

interface ObserverContext extends Pick<RunContext, 'log' | 'registry'> {
  readonly checks: Checks;
}

/** The metrics and health servers. */
function observersOf({ metricsPort, healthPort }: Config, { log, registry, checks }: ObserverContext): readonly Role[] {
  const observers: Role[] = [];
  if (metricsPort !== undefined) {
    addProcessMetrics(registry);
    const server = createMetricsServer({ registry, checks, log });
    observers.push(new HttpRole(server, { name: 'metrics', port: metricsPort, log }));
  }
  if (healthPort !== undefined) {
    const server = createHealthServer({ checks, log });
    observers.push(new HttpRole(server, { name: 'health', port: healthPort, log }));
  }
  return observers;
}

function checksOf(roles: readonly Role[]): Checks {
  return Object.assign({}, ...roles.map(({ checks }) => checks));
}

/** Stops the groups in order, and the roles of a group concurrently. */
async function drain(groups: readonly (readonly Role[])[], log: Log): Promise<void> {
  const overdue = setTimeout(() => {
    log.error({ seconds: DRAIN_MS / 1000 }, 'shutdown timeout exceeded: aborting in-flight requests');
    process.exit(EXIT_FAILED);
  }, DRAIN_MS);
  for (const roles of groups) await Promise.all(roles.map((role) => role.stop()));
  clearTimeout(overdue);
}
