/** Steps per second, requests and CPU per step, and how CPU grows with the load. */
import { collectionPath, EVENTS } from '../../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { compare, formatRatio, alternate, type Pair } from '../comparison.ts';
import { median } from '../percentiles.ts';
import { cpuMsOf } from '../processes.ts';
import type { Workload } from './job-driver.ts';
import { type Baseline, withComparison, type ControllerUnderTest, type ComparisonSetup } from './comparison-setup.ts';
import type { Requests } from './programs.ts';
import { type TestControlPlane, withControlPlane } from './with-control-plane.ts';
import { STEPS } from './sequences.ts';

interface Effort {
  readonly warmUp: number;
  readonly pairs: number;
  readonly few: Workload;
  readonly many: Workload;
  /** The loads at which the Go peer was measured. */
  readonly goPeerLoads: readonly Workload[];
}

const FULL: Effort = {
  warmUp: 60,
  pairs: 3,
  few: { sequences: 50, inFlight: 50 },
  many: { sequences: 500, inFlight: 500 },
  goPeerLoads: [
    { sequences: 200, inFlight: 200 },
    { sequences: 200, inFlight: 4 },
    { sequences: 40, inFlight: 1 },
  ],
};
const SMOKE: Effort = {
  warmUp: 2,
  pairs: 1,
  few: { sequences: 2, inFlight: 2 },
  many: { sequences: 6, inFlight: 6 },
  goPeerLoads: [],
};

/** The number of concurrent requests of the controller's workers and its Event writer. */
const CONNECTIONS = 20;

/** Two Events for each status write: one write per step, and one at the end. */
const EVENTS_PER_SEQUENCE = 2 * (STEPS + 1);
const EVENTS_TIMEOUT_MS = 120_000;

export const throughput: Benchmark = {
  name: 'throughput',
  title: 'Controller: throughput, requests and CPU',
  description:
    `Sequences of ${STEPS} steps, all created at once; the benchmark completes each Job as soon as it is created. The baseline ` +
    'is a separate process that sends the same creates and status patches, with bodies recorded from the controller, in the ' +
    `same order for each sequence, over ${CONNECTIONS} connections; once without and once with the Events. The controller ` +
    'writes Events asynchronously, so the steps do not wait for them. CPU is that of the process until its last Event is ' +
    'written. Both are measured alternately (A B B A …) on one API server.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const effort = smoke ? SMOKE : FULL;
    return withControlPlane(log, (controlPlane) =>
      withComparison(controlPlane, { sequences: effort.warmUp }, (setup) =>
        new Throughput(setup, controlPlane, log).rows(effort),
      ),
    );
  },
};

interface Turn {
  readonly stepsPerSecond: number;
  readonly cpuMsPerStep: number;
  readonly apiServerCpuMsPerStep: number;
  /** Requests per step, by method; only measured for the controller. */
  readonly requests: Requests;
  /** Events that were never written; only measured for the controller. */
  readonly eventsLost: number;
}

class Throughput {
  readonly #setup: ComparisonSetup;
  readonly #controlPlane: TestControlPlane;
  readonly #log: (line: string) => void;
  #events = 0;

  constructor(setup: ComparisonSetup, controlPlane: TestControlPlane, log: (line: string) => void) {
    this.#setup = setup;
    this.#controlPlane = controlPlane;
    this.#log = log;
  }

  async rows({ pairs, few, many, goPeerLoads }: Effort): Promise<readonly Row[]> {
    this.#events = await this.#untilEvents();
    const rows: Row[] = [];
    const turns: Pair<Turn>[] = [];
    for (const [writes, suffix] of [
      ['statuses', ''],
      ['events', ', baseline with Events'],
    ] as const) {
      const baseline = await this.#setup.startBaseline(writes, CONNECTIONS);
      const measured = await alternate(pairs, {
        ours: () => this.#ours(many),
        baseline: () => this.#measure(baseline, many),
      });
      rows.push(...comparisonRows(`${many.sequences} × ${STEPS} steps${suffix}`, measured, writes === 'statuses'));
      turns.push(...measured);
      await baseline.process.kill();
    }
    const ours = turns.map((turn) => turn.ours);
    const small = await this.#ours(few);
    rows.push(...costRows(ours), ...growthRows(small, ours, many.sequences / few.sequences));
    for (const run of goPeerLoads) rows.push(goPeerRow(run, await this.#ours(run)));
    return rows;
  }

  async #ours(run: Workload): Promise<Turn> {
    const { program, driver }: ControllerUnderTest = this.#setup.ours;
    const before = await program.requests();
    let eventsLost = 0;
    const turn = await this.#measure({ process: program.process, driver }, run, async () => {
      eventsLost = await this.#lastEvent(run);
    });
    const after = await program.requests();
    const steps = run.sequences * STEPS;
    const requests = Object.entries(after).map(([method, n]) => [method, (n - (before[method] ?? 0)) / steps] as const);
    this.#log(`${run.sequences} × ${STEPS}, ${run.inFlight} in flight: ${turn.stepsPerSecond.toFixed(0)} steps/s`);
    return { ...turn, eventsLost, requests: Object.fromEntries(requests) };
  }

  async #measure({ process, driver }: Baseline, run: Workload, afterwards?: () => Promise<void>): Promise<Turn> {
    const { apiServerPid } = this.#controlPlane;
    const cpu = async (): Promise<readonly [number, number]> => [await process.cpuMs(), await cpuMsOf(apiServerPid)];
    const [before, apiServerBefore] = await cpu();
    const { seconds } = await driver.run(run);
    await afterwards?.();
    const [after, apiServerAfter] = await cpu();
    const steps = run.sequences * STEPS;
    return {
      stepsPerSecond: steps / seconds,
      cpuMsPerStep: (after - before) / steps,
      apiServerCpuMsPerStep: (apiServerAfter - apiServerBefore) / steps,
      requests: {},
      eventsLost: 0,
    };
  }

  /** Waits for the last Event of a run. Returns the number of missing Events. */
  async #lastEvent({ sequences }: Workload): Promise<number> {
    const wanted = this.#events + sequences * EVENTS_PER_SEQUENCE;
    this.#events = await this.#untilEvents(wanted);
    return wanted - this.#events;
  }

  /** Waits until there are `wanted` Events, or until the timeout. Returns their number. */
  async #untilEvents(wanted = Infinity): Promise<number> {
    const limit = performance.now() + (wanted === Infinity ? 1_000 : EVENTS_TIMEOUT_MS);
    let seen = 0;
    while (seen < wanted && performance.now() < limit) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      const path = `${collectionPath(EVENTS, this.#setup.ours.namespace)}?limit=1`;
      const { metadata, items } = JSON.parse(await this.#controlPlane.raw.send({ method: 'GET', path })) as CountedList;
      seen = items.length + (metadata.remainingItemCount ?? 0);
    }
    return seen;
  }
}

interface CountedList {
  readonly metadata: { readonly remainingItemCount?: number };
  readonly items: readonly unknown[];
}

function comparisonRows(label: string, turns: readonly Pair<Turn>[], hasTarget: boolean): readonly Row[] {
  const speed = compare(turns, ({ stepsPerSecond }) => stepsPerSecond);
  const cpu = compare(turns, ({ cpuMsPerStep }) => cpuMsPerStep);
  const apiServer = compare(turns, ({ apiServerCpuMsPerStep }) => apiServerCpuMsPerStep);
  return [
    {
      label,
      ours: `${speed.ours.toFixed(0)} steps/s`,
      baseline: `${speed.baseline.toFixed(0)} steps/s`,
      ratio: formatRatio(speed),
      ...(hasTarget ? { target: '≥ 0.8', targetMet: speed.ratio >= 0.8 } : {}),
    },
    {
      label: `${label}: CPU per step`,
      ours: `${cpu.ours.toFixed(2)} ms`,
      baseline: `${cpu.baseline.toFixed(2)} ms`,
      ratio: formatRatio(cpu),
    },
    {
      label: `${label}: CPU of the API server per step`,
      ours: `${apiServer.ours.toFixed(2)} ms`,
      baseline: `${apiServer.baseline.toFixed(2)} ms`,
      ratio: formatRatio(apiServer),
    },
  ];
}

function costRows(turns: readonly Turn[]): readonly Row[] {
  const of = (method: string): number => median(turns.map(({ requests }) => requests[method] ?? 0));
  const cpu = median(turns.map(({ cpuMsPerStep }) => cpuMsPerStep));
  const events = EVENTS_PER_SEQUENCE / STEPS;
  const reads = of('GET');
  const lost = turns.reduce((sum, { eventsLost }) => sum + eventsLost, 0);
  return [
    { label: 'CPU per step', ours: `${cpu.toFixed(2)} ms`, baseline: '–', target: '≤ 1.5 ms', targetMet: cpu <= 1.5 },
    {
      label: 'requests per step: POST (Jobs and Events), PATCH (status)',
      ours: `${of('POST').toFixed(2)}, ${of('PATCH').toFixed(2)}`,
      baseline: `${(1 + events).toFixed(2)}, ${((STEPS + 1) / STEPS).toFixed(2)}`,
      target: 'equal',
      targetMet: of('POST') === 1 + events && of('PATCH') === (STEPS + 1) / STEPS,
    },
    {
      label: 'reads per step: GET, including lists',
      ours: reads.toFixed(2),
      baseline: '0',
      target: '0',
      targetMet: reads === 0,
    },
    { label: 'Events lost', ours: String(lost), baseline: '–', target: '0', targetMet: lost === 0 },
  ];
}

function growthRows(few: Turn, many: readonly Turn[], times: number): readonly Row[] {
  const cpu = median(many.map(({ cpuMsPerStep }) => cpuMsPerStep)) / few.cpuMsPerStep;
  return [
    {
      label: `CPU per step at ${times} × the load, relative to the single load`,
      ours: cpu.toFixed(2),
      baseline: '–',
      target: '≤ 1.1',
      targetMet: cpu <= 1.1,
    },
  ];
}

function goPeerRow({ sequences, inFlight }: Workload, { stepsPerSecond, cpuMsPerStep }: Turn): Row {
  return {
    label: `${sequences} × ${STEPS} steps, ${inFlight} in flight`,
    ours: `${stepsPerSecond.toFixed(0)} steps/s, ${cpuMsPerStep.toFixed(2)} ms CPU per step`,
    baseline: '–',
  };
}
