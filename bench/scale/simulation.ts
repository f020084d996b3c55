/** Starts the simulated API server and controllers that work on it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { MeasuredProcess } from '../processes.ts';
import type { Release } from '../release.ts';
import type { ListTimes } from './server.ts';
import type { HandOff, Layout } from './world.ts';

const POLL_MS = 100;
/** Far longer than anything here takes: detects a measurement that hangs. */
const TIMEOUT_MS = 300_000;

export class Simulation {
  readonly #server: MeasuredProcess;
  readonly #origin: string;
  readonly kubeconfig: string;

  private constructor(server: MeasuredProcess, origin: string, kubeconfig: string) {
    this.#server = server;
    this.#origin = origin;
    this.kubeconfig = kubeconfig;
  }

  /** The server keeps its kubeconfig in the folder. */
  static async start(folder: string): Promise<Simulation> {
    const server = new MeasuredProcess({ args: [join(import.meta.dirname, 'server.ts')] });
    const origin = `http://127.0.0.1:${await server.untilOutput(/listening on (\d+)/)}`;
    const kubeconfig = join(folder, 'kubeconfig');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'simulated', cluster: { server: origin, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'bench', user: {} }],
      contexts: [{ name: 'simulated', context: { cluster: 'simulated', user: 'bench' } }],
      'current-context': 'simulated',
    };
    await writeFile(kubeconfig, stringify(config));
    return new Simulation(server, origin, kubeconfig);
  }

  /** Lets a controller bring one sequence to each state; a step of the finished one takes `stepMs`. */
  async record(release: Release, stepMs: number): Promise<void> {
    await this.#control('record', stepMs);
    const controller = await ScaledController.start(this, release);
    await this.#until('the recording', async () => this.#control<boolean>('recorded'));
    await controller.process.stop();
  }

  async replaceWorld(layout: Layout): Promise<void> {
    await this.#control('world', layout);
  }

  async completeAtRate(perSecond: number): Promise<void> {
    await this.#control('complete', perSecond);
  }

  /** The hand-offs since the last call; first waits for those of Jobs that were completed before this time. */
  async handOffs(completedBeforeMs: number): Promise<readonly HandOff[]> {
    await this.#until('hand-offs', async () => (await this.#control('waiting', completedBeforeMs)) === 0);
    return this.#control<readonly HandOff[]>('handoffs');
  }

  /** The lists since the last call. */
  async lists(): Promise<ListTimes> {
    return this.#control<ListTimes>('lists');
  }

  /** The number of requests to this world, by method and collection. */
  async requests(): Promise<Readonly<Record<string, number>>> {
    return this.#control<Readonly<Record<string, number>>>('requests');
  }

  async stop(): Promise<void> {
    await this.#server.kill();
  }

  async #control<T>(path: string, body: unknown = null): Promise<T> {
    const answer = await fetch(`${this.#origin}/bench/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async #until(what: string, isDone: () => Promise<boolean>): Promise<void> {
    for (const deadline = performance.now() + TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      if (await isDone()) return;
    }
    const requests = JSON.stringify(await this.requests());
    throw new Error(`${what} took longer than ${TIMEOUT_MS / 1000} s; requests so far: ${requests}`);
  }
}

/** A controller with leader election. Times are in Unix milliseconds, by its own log. */
export class ScaledController {
  readonly process: MeasuredProcess;
  readonly spawnedMs: number;
  readonly #metricsPort: number;
  /** When it began to lead, and when it began to work. */
  readonly works: Promise<{ readonly ledMs: number; readonly worksMs: number }>;

  private constructor(process: MeasuredProcess, spawnedMs: number, metricsPort: number) {
    this.process = process;
    this.spawnedMs = spawnedMs;
    this.#metricsPort = metricsPort;
    this.works = this.#untilWorking();
    // Not an unhandled rejection if it exits before, and nobody waits for it.
    this.works.catch(() => undefined);
  }

  /** Resolves when the process runs. `maxHeapMb` replaces the Deployment's limit. */
  static async start(
    { kubeconfig }: Simulation,
    { program, nodeOptions, env }: Release,
    options: { readonly maxHeapMb?: number | undefined; readonly nodeFlags?: readonly string[] } = {},
  ): Promise<ScaledController> {
    const { maxHeapMb, nodeFlags = [] } = options;
    const limit = maxHeapMb === undefined ? [] : [`--max-old-space-size=${maxHeapMb}`];
    const election = ['--leader-elect', '--leader-election-namespace=kube-system'];
    const spawnedMs = Date.now();
    const args = [program, 'run', '--role=controller', `--kubeconfig=${kubeconfig}`, '--metrics-port=0', ...election];
    const started = new MeasuredProcess({ args: [...nodeFlags, ...limit, ...args], nodeOptions, env });
    const port = await started.untilOutput(/"port":(\d+),"msg":"metrics started"/);
    const controller = new ScaledController(started, spawnedMs, Number(port));
    // The longest delay is that since the last scrape.
    await controller.longestBlockMs();
    return controller;
  }

  /** The longest time for which the event loop was blocked since the last call. */
  async longestBlockMs(): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(await answer.text())?.[1]) * 1000;
  }

  async #untilWorking(): Promise<{ readonly ledMs: number; readonly worksMs: number }> {
    const saidAt = async (message: string): Promise<number> =>
      Date.parse(await this.process.untilOutput(new RegExp(`"time":"([^"]+)"[^\\n]*"msg":"${message}"`)));
    const ledMs = await saidAt('became leader');
    return { ledMs, worksMs: await saidAt('controller started') };
  }
}
