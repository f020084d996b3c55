/** Runs the operator as a process of this machine, with a self-made certificate for its webhook. */
import { mkdir } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { createDevelopmentCA } from '../certs/development.ts';
import { freePorts } from './control-plane/ports.ts';
import { untilReady } from './control-plane/readiness.ts';
import { startChild, type Child } from './processes/child.ts';

const ROOT = join(import.meta.dirname, '..');
const START_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 2_000;

export interface OperatorOptions {
  /** The folder of its log and certificate; nothing else may use it. */
  readonly state: string;
  readonly kubeconfig: string;
  readonly role: 'all' | 'webhook';
  readonly logFormat: 'json' | 'pretty';
}

export interface LocalOperator {
  readonly child: Child;
  readonly logFile: string;
  /** The URL of its webhook, without a path. */
  readonly url: string;
  /** The CA of its certificate, in PEM. */
  readonly caPem: string;
  /** Resolves when `/readyz` answers 200: the webhook serves, the controller's caches are synced. Rejects with the last log lines. */
  readonly ready: () => Promise<void>;
}

/** Starts the operator from source. It exits with this process, or when its `child` is stopped. */
export async function startOperator(options: OperatorOptions): Promise<LocalOperator> {
  const { state, kubeconfig, role, logFormat } = options;
  const certificates = join(state, 'certificates');
  const logFile = join(state, 'operator.log');
  await mkdir(state, { recursive: true });
  const [ca, [port = 0]] = await Promise.all([createDevelopmentCA(), freePorts(1)]);
  await ca.writeServingCertificate(certificates);
  const flags = {
    role,
    kubeconfig,
    'log-format': logFormat,
    'webhook-host': '127.0.0.1',
    'webhook-port': port,
    'cert-dir': certificates,
  };
  const args = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  const { NODE_OPTIONS: _, ...env } = process.env; // set by the test runner for itself
  const child = startChild({
    name: 'the operator',
    command: process.execPath,
    args: [join(ROOT, 'main.ts'), 'run', ...args],
    logFile,
    cwd: ROOT,
    env,
  });
  const url = `https://127.0.0.1:${port}`;
  const isReady = async (): Promise<boolean> => (await statusOf(`${url}/readyz`, ca.certificatePem)) === 200;
  return { child, logFile, url, caPem: ca.certificatePem, ready: () => untilReady(child, START_TIMEOUT_MS, isReady) };
}

/** The HTTP status of a GET request to a server whose certificate is signed by that CA. */
async function statusOf(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca, agent: false, timeout: REQUEST_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('request timed out')));
    outgoing.once('error', reject);
    outgoing.end();
  });
}
