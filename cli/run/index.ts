/** `run`: start the roles → wait for the end → drain. */
import type { Config } from '../../shared/config.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { VERSION } from '../../shared/version.ts';
import { ControllerRole } from './controller-role.ts';
import type { Role } from './role.ts';
import { aborted, stopSignal } from './stop-signal.ts';
import { WebhookRole } from './webhook-role.ts';

const FAILED = 1;

/** DESIGN §4: what is in flight at SIGTERM has so long to end. */
const DRAIN_MS = 20_000;

/**
 * Plays the configured roles until SIGTERM or SIGINT, and resolves when all of them have drained. Where one cannot
 * start, ends the others and rejects with why.
 */
export async function run(config: Config, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const stopped = stopSignal(FAILED);
  log.info({ version: VERSION, role: config.role }, 'starting');
  const roles = rolesOf(config, log, env['KUBECONFIG']);
  try {
    await Promise.race([Promise.all(roles.map((role) => role.start(stopped))), aborted(stopped)]);
    await aborted(stopped);
    log.info('stopping');
  } finally {
    await drain(roles, log);
  }
  log.info('stopped');
}

function rolesOf(config: Config, log: Log, kubeconfig: string | undefined): readonly Role[] {
  switch (config.role) {
    case 'webhook':
      return [new WebhookRole(config, log, {})];
    case 'controller':
      return [new ControllerRole(config, log, kubeconfig)];
    case 'all': {
      const controller = new ControllerRole(config, log, kubeconfig);
      return [new WebhookRole(config, log, controller.checks), controller];
    }
  }
}

async function drain(roles: readonly Role[], log: Log): Promise<void> {
  const overdue = setTimeout(() => {
    log.error({ seconds: DRAIN_MS / 1000 }, 'not drained in time: what was in flight is cut off');
    process.exit(FAILED);
  }, DRAIN_MS);
  await Promise.all(roles.map((role) => role.stop()));
  clearTimeout(overdue);
}
