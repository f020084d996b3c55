/** The two that are compared: the program as it is released, and the floor. */
import { join } from 'node:path';
import { Measured } from '../processes.ts';
import type { Writes } from './floor.ts';
import type { World } from './world.ts';

/** What the program has asked of the API server since its start, by method; a watch counts when it is opened. */
export type Requests = Readonly<Record<string, number>>;

export class Program {
  readonly process: Measured;
  readonly #metricsPort: number;

  private constructor(process: Measured, metricsPort: number) {
    this.process = process;
    this.#metricsPort = metricsPort;
  }

  /** The release, for one namespace, with Node's options as in the Deployment and more; resolves when it works. */
  static async start(
    { kubeconfig, release }: World,
    namespace: string,
    nodeFlags: readonly string[] = [],
  ): Promise<Program> {
    const flags = [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`, '--metrics-port=0'];
    const process = new Measured({
      args: [...nodeFlags, release.program, 'run', '--role=controller', ...flags],
      nodeOptions: release.nodeOptions,
      env: release.env,
    });
    const port = await process.untilSays(/"port":(\d+),"msg":"metrics started"/);
    await process.untilSays(/("msg":"controller started")/);
    return new Program(process, Number(port));
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

export interface FloorOptions {
  readonly namespace: string;
  /** The file of the recording. */
  readonly recording: string;
  readonly writes: Writes;
  readonly connections: number;
}

export async function startFloor({ kubeconfig }: World, options: FloorOptions): Promise<Measured> {
  const { namespace, recording, writes, connections } = options;
  const file = join(import.meta.dirname, 'floor.ts');
  const floor = new Measured({ args: [file, kubeconfig, namespace, recording, writes, String(connections)] });
  await floor.untilSays(/(ready)/);
  return floor;
}
