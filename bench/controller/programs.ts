/** Starts the compared processes: the controller from the release bundle, and the baseline. */
import { join } from 'node:path';
import { MeasuredProcess } from '../processes.ts';
import type { Writes } from './baseline.ts';
import type { TestControlPlane } from './with-control-plane.ts';

/** The controller's requests to the API server since its start, by method; a watch counts once, when it is opened. */
export type Requests = Readonly<Record<string, number>>;

export class ControllerProgram {
  readonly process: MeasuredProcess;
  readonly #metricsPort: number;

  private constructor(process: MeasuredProcess, metricsPort: number) {
    this.process = process;
    this.#metricsPort = metricsPort;
  }

  /** Starts the controller for one namespace, with the Deployment's NODE_OPTIONS. Resolves when it reconciles. */
  static async start(
    { kubeconfig, release }: Pick<TestControlPlane, 'kubeconfig' | 'release'>,
    namespace: string,
    nodeFlags: readonly string[] = [],
  ): Promise<ControllerProgram> {
    const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--metrics-port=0'];
    const process = new MeasuredProcess({
      args: [...nodeFlags, release.program, 'run', '--role=controller', ...flags],
      nodeOptions: release.nodeOptions,
      env: release.env,
    });
    const port = await process.untilOutput(/"port":(\d+),"msg":"metrics started"/);
    await process.untilOutput(/("msg":"controller started")/);
    return new ControllerProgram(process, Number(port));
  }

  async requests(): Promise<Requests> {
    const counts: Record<string, number> = {};
    for (const [, labels = '', value] of (await this.#metrics()).matchAll(
      /^rest_client_requests_total\{(.*)\} (\d+)$/gm,
    )) {
      const method = /method="(\w+)"/.exec(labels)?.[1] ?? '';
      counts[method] = (counts[method] ?? 0) + Number(value);
    }
    return counts;
  }

  async eventsDropped(): Promise<number> {
    return Number(/^sequentialjob_events_dropped_total (\d+)$/m.exec(await this.#metrics())?.[1]);
  }

  async #metrics(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    return answer.text();
  }
}

export interface BaselineOptions {
  readonly namespace: string;
  /** The file with the recording. */
  readonly recording: string;
  readonly writes: Writes;
  readonly connections: number;
}

export async function spawnBaseline(
  { kubeconfig }: TestControlPlane,
  options: BaselineOptions,
): Promise<MeasuredProcess> {
  const { namespace, recording, writes, connections } = options;
  const file = join(import.meta.dirname, 'baseline.ts');
  const baseline = new MeasuredProcess({ args: [file, kubeconfig, namespace, recording, writes, String(connections)] });
  await baseline.untilOutput(/(ready)/);
  return baseline;
}
