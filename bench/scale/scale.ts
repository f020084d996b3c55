/** The controller with fifty thousand finished sequences: its start, the change of leader, its memory, and the hand-offs of those that run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { COMPLETIONS_PER_SECOND } from '../controller/handoff.ts';
import { Heap, INSPECT_FLAG } from '../controller/heap.ts';
import { STEPS } from '../controller/sequences.ts';
import { buildRelease, type Release } from '../release.ts';
import { heapLimitRow, type HandOver, type Measured, rowsOf } from './rows.ts';
import { ScaledController, Simulation } from './simulation.ts';
import type { HandOff, Layout } from './world.ts';

interface Effort {
  readonly layout: Layout;
  /** The number of finished sequences in one namespace, in the case with such a namespace. */
  readonly inLargeNamespace: number;
  readonly signals: readonly HandOver['signal'][];
  /** How long a recorded step takes. */
  readonly stepMs: number;
  /** After the start and after a change of leader, until the hand-offs are again what they were. */
  readonly settleMs: number;
  readonly steadyMs: number;
  /** Until a new standby has read the Lease. */
  readonly standbyMs: number;
}

const SECOND = 1_000;
const FULL: Effort = {
  layout: { finished: 50_000, suspended: 5_000, running: 1_000, namespaces: 20, inLargeNamespace: 0 },
  inLargeNamespace: 40_000,
  signals: ['SIGTERM', 'SIGKILL'],
  stepMs: SECOND,
  settleMs: 30 * SECOND,
  steadyMs: 30 * SECOND,
  standbyMs: 4 * SECOND,
};
const SMOKE: Effort = {
  layout: { finished: 50, suspended: 6, running: 40, namespaces: 3, inLargeNamespace: 0 },
  inLargeNamespace: 40,
  signals: ['SIGTERM'],
  stepMs: 200,
  settleMs: 300,
  steadyMs: 700,
  standbyMs: 500,
};

/** In place of the Deployment's 320 MB, which are not enough for all. */
const MAX_HEAP_MB = 1024;
/** With the Deployment's heap: numbers of finished sequences, until one is too large. */
const HEAP_LIMIT_STEP = 5_000;
const HEAP_LIMIT_FROM = 15_000;

export const scale: Benchmark = {
  name: 'scale',
  title: 'Controller: fifty thousand finished sequences',
  description:
    `Finished sequences of ${STEPS} steps with their Jobs, beside 5,000 suspended ones (half of them with a Job) and 1,000 that run, in 20 ` +
    'namespaces; there are no Pods. The baseline is the same without the finished ones and, for the rows about one large ' +
    'namespace, with all evenly spread. **The API server is simulated**, in a process of its own, because a real one with so many ' +
    'objects does not fit on this machine. It serves plain HTTP, and sends lists as fast as the controller reads them, which ' +
    'a real one does not. Its objects are copies of those that this controller has written, with the fields that Kubernetes 1.36 adds. ' +
    `${COMPLETIONS_PER_SECOND} Jobs per second complete; a hand-off is the time from the completion of a Job in the server to the ` +
    `request that creates the next one. The heap is limited to ${MAX_HEAP_MB} MB, in place of the Deployment’s limit, and measured after a full ` +
    'garbage collection. The times of a change of leader are since the signal. The hand-offs of the start, of SIGTERM and of SIGKILL ' +
    'are those of Jobs that complete before the new controller works: since their completion they wait for its lists, and after SIGKILL ' +
    'for the Lease to expire; it works since "controller started" in its log.',
  async run({ smoke, full = false, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const simulation = await Simulation.start(folder);
    try {
      const release = await buildRelease(join(folder, 'release'));
      const effort = smoke ? SMOKE : FULL;
      await simulation.record(release, effort.stepMs);
      const run = new Run({ simulation, release, effort, log });
      const rows = await run.cases();
      return full ? [...rows, await run.heapLimit()] : rows;
    } finally {
      await simulation.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface RunOptions {
  readonly simulation: Simulation;
  readonly release: Release;
  readonly effort: Effort;
  readonly log: (line: string) => void;
}

class Run {
  readonly #options: RunOptions;
  readonly #simulation: Simulation;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#simulation = options.simulation;
  }

  async cases(): Promise<readonly Row[]> {
    const { layout, inLargeNamespace, signals } = this.#options.effort;
    const none = await this.#measure({ ...layout, finished: 0 }, signals);
    const all = await this.#measure(layout, signals);
    const uneven = await this.#measure({ ...layout, inLargeNamespace }, []);
    return rowsOf({ none, all, uneven, layout, inLargeNamespace });
  }

  /** With the Deployment's heap. */
  async heapLimit(): Promise<Row> {
    const { effort, log } = this.#options;
    let sufficient = 0;
    for (let finished = HEAP_LIMIT_FROM; ; finished += HEAP_LIMIT_STEP) {
      await this.#simulation.replaceWorld({ ...effort.layout, finished });
      await this.#simulation.completeAtRate(COMPLETIONS_PER_SECOND);
      const rssMb = await this.#rssIfItWorks();
      log(`${finished} finished with the Deployment's heap: ${rssMb === undefined ? 'out of memory' : `${rssMb} MB`}`);
      if (rssMb === undefined) return heapLimitRow(sufficient, finished);
      sufficient = finished;
    }
  }

  async #rssIfItWorks(): Promise<number | undefined> {
    const controller = await ScaledController.start(this.#simulation, this.#options.release);
    try {
      await controller.works;
      await Promise.race([sleep(this.#options.effort.settleMs), controller.process.exitedUnexpectedly]);
      return Math.round(await controller.process.rssMb());
    } catch {
      return undefined;
    } finally {
      await controller.process.kill();
    }
  }

  async #measure(layout: Layout, signals: readonly HandOver['signal'][]): Promise<Measured> {
    await this.#simulation.replaceWorld(layout);
    await this.#simulation.lists();
    await this.#simulation.completeAtRate(COMPLETIONS_PER_SECOND);
    let leader = await this.#start([INSPECT_FLAG]);
    try {
      const { worksMs } = await leader.works;
      const startMs = worksMs - leader.spawnedMs;
      const lists = await this.#simulation.lists();
      const early = await this.#settled(leader.spawnedMs, worksMs);
      const blockMs = await leader.longestBlockMs();
      const steady = await this.#steady();
      const rssMb = await leader.process.rssMb();
      const heap = await Heap.of(leader.process);
      const heapBytes = await heap.used();
      heap.close();
      const handOvers: HandOver[] = [];
      for (const signal of signals) {
        const standby = await this.#start();
        await sleep(this.#options.effort.standbyMs);
        const ending = Date.now();
        const ended = signal === 'SIGTERM' ? leader.process.stop() : leader.process.kill();
        leader = standby;
        await ended;
        handOvers.push(await this.#handOver(signal, ending, standby));
      }
      this.#options.log(`${layout.finished} finished: ${rssMb.toFixed(0)} MB`);
      return { startMs, lists, blockMs, early, steady, rssMb, heapBytes, handOvers };
    } finally {
      await leader.process.kill();
    }
  }

  async #start(nodeFlags: readonly string[] = []): Promise<ScaledController> {
    return ScaledController.start(this.#simulation, this.#options.release, { maxHeapMb: MAX_HEAP_MB, nodeFlags });
  }

  async #handOver(signal: HandOver['signal'], sinceMs: number, standby: ScaledController): Promise<HandOver> {
    const { ledMs, worksMs } = await standby.works;
    return {
      signal,
      leadsMs: ledMs - sinceMs,
      worksMs: worksMs - sinceMs,
      early: await this.#settled(sinceMs, worksMs),
    };
  }

  /** The hand-offs of Jobs that were completed between these times, of which the latter is when the controller began to work. */
  async #settled(fromMs: number, worksMs: number): Promise<Measured['early']> {
    await sleep(this.#options.effort.settleMs);
    const handOffs = await this.#simulation.handOffs(worksMs);
    const waited = handOffs.filter(({ completedMs }) => completedMs >= fromMs && completedMs < worksMs);
    return { handOffs: waited, worksMs };
  }

  async #steady(): Promise<readonly HandOff[]> {
    await this.#simulation.handOffs(Date.now());
    await sleep(this.#options.effort.steadyMs);
    return this.#simulation.handOffs(Date.now());
  }
}
