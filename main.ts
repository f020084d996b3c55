#!/usr/bin/env node
/** The program: parse → connect → start → drain. */
import { usage } from './cli/usage.ts';
import { Controller } from './controller/manager.ts';
import { type Config, ConfigError, parseConfig } from './shared/config.ts';
import { createApiClient } from './shared/kube/client.ts';
import { KubeConfigError, loadKubeConfig } from './shared/kube/kubeconfig.ts';
import { awaitApiServer, StartupError } from './shared/kube/startup.ts';
import { createLog } from './shared/log.ts';
import { USER_AGENT, VERSION } from './shared/version.ts';

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** DESIGN §4: what is in flight at SIGTERM has so long to end. */
const DRAIN_MS = 20_000;

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'run':
      if (rest.includes('--help') || rest.includes('-h')) return main(['help']);
      return run(parseConfig(rest, process.env));
    case 'version':
    case '--version':
      process.stdout.write(`${VERSION}\n`);
      return EXIT.ok;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage());
      return EXIT.ok;
    default:
      throw new ConfigError([command === undefined ? 'no command given' : `unknown command "${command}"`]);
  }
}

async function run(config: Config): Promise<number> {
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const { kubeconfig: path, context, namespace } = config;
  const kubeConfig = loadKubeConfig({ path, context, env: process.env['KUBECONFIG'] });
  const client = createApiClient(kubeConfig, {
    userAgent: USER_AGENT,
    timeoutMs: config.requestTimeoutSeconds * 1000,
  });
  const stopped = stopSignal();
  log.info({ version: VERSION, role: config.role, server: client.server, namespace }, 'starting');
  const timeoutMs = config.startupTimeoutSeconds * 1000;
  await awaitApiServer({ client, namespace, log, timeoutMs, signal: stopped });
  const controller = new Controller({ client, log, namespace, workers: config.workers });
  if (!stopped.aborted) await Promise.race([controller.start(), aborted(stopped)]);
  if (!stopped.aborted) log.info({ workers: config.workers }, 'controller started');
  await aborted(stopped);
  log.info('stopping');
  const overdue = setTimeout(() => {
    log.error({ seconds: DRAIN_MS / 1000 }, 'not drained in time: what was in flight is cut off');
    process.exit(EXIT.failed);
  }, DRAIN_MS);
  await controller.stop();
  await client.close();
  clearTimeout(overdue);
  log.info('stopped');
  return EXIT.ok;
}

/** Aborted by the first SIGTERM or SIGINT; the second ends the process as it is. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(EXIT.failed);
      stopping.abort();
    });
  }
  return stopping.signal;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

/** One line, no stack trace, for what the user can mend; everything for what only we can. */
function fail(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`sequentialjob: ${problem}\n`);
    process.stderr.write('Try "sequentialjob help".\n');
    return EXIT.usage;
  }
  const expected = error instanceof KubeConfigError || error instanceof StartupError;
  const text = error instanceof Error ? (expected ? error.message : error.stack) : String(error);
  process.stderr.write(`sequentialjob: ${text}\n`);
  return EXIT.failed;
}

process.exitCode = await main(process.argv.slice(2)).catch(fail);
