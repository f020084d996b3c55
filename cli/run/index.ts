/** `run`: start the roles → wait for the end → drain. */
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
import { aborted, stopSignal, unlessAborted } from './stop-signal.ts';

const FAILED = 1;

/** DESIGN §4: what is in flight at SIGTERM has so long to end. */
const DRAIN_MS = 20_000;

/**
 * Plays the configured roles until SIGTERM or SIGINT, and resolves when all of them have drained. Where one cannot
 * start, ends the others and rejects with why. Metrics and probes are there before and after everything else. `program`: where this
 * program is, for a thread of it.
 */
export async function run(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  program: URL,
): Promise<void> {
  const log = await openLog({ level: config.logLevel, format: config.logFormat });
  const stopped = stopSignal(FAILED);
  log.info({ version: VERSION, role: config.role }, 'starting');
  const registry = createRegistry();
  const roles = await rolesOf(config, { log, registry, kubeconfig: env['KUBECONFIG'], program });
  const observers = observersOf(config, { log, registry, checks: checksOf(roles) });
  try {
    for (const observer of observers) await observer.start(stopped);
    await unlessAborted(stopped, Promise.all(roles.map((role) => role.start(stopped))));
    await aborted(stopped);
    log.info('stopping');
  } finally {
    await drain([roles, observers], log);
  }
  log.info('stopped');
}

interface RunContext {
  readonly log: Log;
  readonly registry: Registry;
  /** What the variable KUBECONFIG says. */
  readonly kubeconfig: string | undefined;
  readonly program: URL;
}

/** Loads the modules of the roles that are asked for and no others: each role is half of the start and of the memory. */
async function rolesOf(config: Config, surroundings: RunContext): Promise<readonly Role[]> {
  switch (config.role) {
    case 'webhook':
      return [await webhookRole(config, surroundings)];
    case 'controller':
      return [await controllerRole(config, surroundings)];
    case 'all':
      return [await webhookRole(config, surroundings), await controllerRole(config, surroundings)];
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

/** Who can be asked how the others do. */
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

/** Stops the roles of each group at once, one group after the other. */
async function drain(groups: readonly (readonly Role[])[], log: Log): Promise<void> {
  const overdue = setTimeout(() => {
    log.error({ seconds: DRAIN_MS / 1000 }, 'shutdown timeout exceeded: aborting in-flight requests');
    process.exit(FAILED);
  }, DRAIN_MS);
  for (const roles of groups) await Promise.all(roles.map((role) => role.stop()));
  clearTimeout(overdue);
}
