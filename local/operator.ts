/** The operator as a process of this machine, serving its webhook there with a certificate of its own making. */
import { mkdir } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { createDevelopmentCA } from '../certs/development.ts';
import { freePorts } from './control-plane/ports.ts';
import { untilReady } from './control-plane/readiness.ts';
import { startChild, type Child } from './processes/child.ts';

const ROOT = join(import.meta.dirname, '..');
const START_MS = 30_000;
const ANSWER_MS = 2_000;

export interface OperatorOptions {
  /** A folder of its own, for its log and certificate. */
  readonly state: string;
  readonly kubeconfig: string;
  readonly role: 'all' | 'webhook';
  readonly logFormat: 'json' | 'pretty';
}

export interface LocalOperator {
  readonly child: Child;
  readonly logFile: string;
  /** Where its webhook serves, without a path. */
  readonly url: string;
  /** The authority behind its certificate, in PEM. */
  readonly caPem: string;
  /** Resolves when it is ready: its webhook serves, and its controller knows what there is. Rejects with its last words. */
  readonly ready: () => Promise<void>;
}

/** Starts the operator from its sources. It ends with this process, or when its `child` is stopped. */
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
  const { NODE_OPTIONS: _, ...env } = process.env; // a test runner's own
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
  return { child, logFile, url, caPem: ca.certificatePem, ready: () => untilReady(child, START_MS, isReady) };
}

/** The status of an answer from a server of that authority. */
async function statusOf(url: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { ca, agent: false, timeout: ANSWER_MS }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asking.once('timeout', () => asking.destroy(new Error('no answer in time')));
    asking.once('error', reject);
    asking.end();
  });
}
