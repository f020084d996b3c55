/** The time from the completion of a Job to the next Job. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { type Comparison, compare, formatRatio, alternate, type Pair } from '../comparison.ts';
import { percentile } from '../percentiles.ts';
import type { JobDriver } from './job-driver.ts';
import { type Baseline, withComparison, type ComparisonSetup } from './comparison-setup.ts';
import { withControlPlane } from './with-control-plane.ts';
import { STEPS } from './sequences.ts';

interface Effort {
  readonly warmUp: number;
  readonly pairs: number;
  /** Hand-offs per measurement. */
  readonly samples: number;
  /** Numbers of running sequences whose Jobs are completed at a constant rate. */
  readonly running: readonly number[];
  /** Loads in which each Job is completed immediately. */
  readonly burst: readonly { readonly inFlight: number; readonly sequences: number }[];
}

const FULL: Effort = {
  warmUp: 60,
  pairs: 5,
  samples: 160,
  running: [1, 4, 50, 500],
  burst: [
    { inFlight: 1, sequences: 10 },
    { inFlight: 4, sequences: 25 },
  ],
};
const SMOKE: Effort = { warmUp: 2, pairs: 1, samples: 6, running: [2], burst: [{ inFlight: 1, sequences: 1 }] };

/** A fraction of what the API server can handle, so that hand-offs do not delay each other. */
export const COMPLETIONS_PER_SECOND = 20;

/** Time per sequence for the writes about its start, including Events. */
const START_WRITES_MS = 20;

export const HANDOFF_TARGET = { p50: 1.3, p99: 2 } as const;
const BURST_TARGET = { p50: 1.1, p99: 2 } as const;
/** Of the baseline, for the writes of sequences in flight at once. */
const BURST_CONNECTIONS = 8;

export const handoff: Benchmark = {
  name: 'handoff',
  title: 'Controller: hand-off from a Job to the next',
  description:
    'Time from the watch event of a Job’s completion to the watch event of the next Job, both in the benchmark’s own watch. ' +
    'N running: N sequences run, the writes about their start are done, and ' +
    `${COMPLETIONS_PER_SECOND} Jobs per second complete. N in flight at once: the benchmark completes each Job as soon as it ` +
    'is created, so the writes about one step are still in flight when the next step ends. The baseline is a separate ' +
    'process that watches Jobs and sends one create request after each completion over one keep-alive connection; it ' +
    'writes no Events, and a status only where sequences are in flight at once: there a Job is created after the status ' +
    'write of the step before. Both are measured alternately (A B B A …) on one API server. p50 and its ratio are ' +
    'medians over neighboring measurements, p99 is over all measurements; the extremes of neighboring measurements are in ' +
    'parentheses.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const effort = smoke ? SMOKE : FULL;
    return withControlPlane(log, (controlPlane) =>
      withComparison(controlPlane, { sequences: effort.warmUp }, (setup) => measure(setup, effort, log)),
    );
  },
};

async function measure(setup: ComparisonSetup, effort: Effort, log: (line: string) => void): Promise<readonly Row[]> {
  const { ours } = setup;
  const { pairs, samples, running, burst } = effort;
  const rows: Row[] = [];
  const add = (label: string, measured: Turns, target: Readonly<Record<'p50' | 'p99', number>>): void => {
    rows.push(row(`${label}, p50`, measured, { p: 0.5, target: target.p50 }));
    rows.push(row(`${label}, p99`, measured, { p: 0.99, target: target.p99 }));
    for (const { label, ours, baseline, ratio } of rows.slice(-2))
      log(`${label}: ${ours}, baseline ${baseline}, ${ratio}`);
  };
  const creating: Baseline = await setup.startBaseline('jobs', 1);
  for (const sequences of running) {
    const [one, other] = [new SteadyLoad(ours.driver, sequences), new SteadyLoad(creating.driver, sequences)];
    const turns = await alternate(pairs, { ours: () => one.turn(samples), baseline: () => other.turn(samples) });
    await one.end();
    await other.end();
    add(`${sequences} running`, turns, HANDOFF_TARGET);
  }
  const recording: Baseline = await setup.startBaseline('statuses', BURST_CONNECTIONS);
  for (const run of burst) {
    const turn = async (driver: JobDriver): Promise<readonly number[]> => (await driver.run(run)).handoffs;
    const turns = await alternate(pairs, { ours: () => turn(ours.driver), baseline: () => turn(recording.driver) });
    add(`${run.inFlight} in flight at once`, turns, BURST_TARGET);
  }
  return rows;
}

/** Running sequences whose Jobs are completed at a constant rate. Creates new sequences when all have reached their last step. */
class SteadyLoad {
  readonly #driver: JobDriver;
  readonly #sequences: number;
  #remaining = 0;

  constructor(field: JobDriver, sequences: number) {
    this.#driver = field;
    this.#sequences = sequences;
  }

  async turn(samples: number): Promise<readonly number[]> {
    const handoffs: number[] = [];
    while (handoffs.length < samples) {
      if (this.#remaining === 0) await this.#refill();
      const more = Math.min(this.#remaining, samples - handoffs.length);
      handoffs.push(...(await this.#driver.completeAtRate(more, COMPLETIONS_PER_SECOND)).handoffs);
      this.#remaining -= more;
    }
    return handoffs;
  }

  async end(): Promise<void> {
    await this.#driver.finish();
  }

  async #refill(): Promise<void> {
    await this.#driver.finish();
    await this.#driver.startSequences(this.#sequences);
    await sleep(START_WRITES_MS * this.#sequences);
    this.#remaining = this.#sequences * (STEPS - 1);
  }
}

type Turns = readonly Pair<readonly number[]>[];

interface Quantile {
  readonly p: number;
  readonly target: number;
}

function row(label: string, turns: Turns, { p, target }: Quantile): Row {
  const quantile = (handoffs: readonly number[]): number => percentile(handoffs, p);
  const figure = p === 0.5 ? compare(turns, quantile) : overall(turns, quantile);
  return {
    label,
    ours: `${figure.ours.toFixed(1)} ms`,
    baseline: `${figure.baseline.toFixed(1)} ms`,
    ratio: formatRatio(figure),
    target: `≤ ${target}`,
    targetMet: figure.ratio <= target,
  };
}

/** p99 over all measurements: the last percentile of a single one is only two or three hand-offs. */
function overall(turns: Turns, quantile: (handoffs: readonly number[]) => number): Comparison {
  const ours = quantile(turns.flatMap((turn) => turn.ours));
  const baseline = quantile(turns.flatMap((turn) => turn.baseline));
  return { ...compare(turns, quantile), ours, baseline, ratio: ours / baseline };
}
