/** How soon the next Job follows a completion. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { type Comparison, compare, formatRatio, inTurns, type Pair } from '../pairing.ts';
import { percentile } from '../percentiles.ts';
import { type Field, STEPS } from './field.ts';
import { type Floor, onStage, type Stage } from './pair.ts';
import { inWorld } from './world.ts';

interface Effort {
  readonly warmUp: number;
  readonly pairs: number;
  /** Hand-offs of one turn. */
  readonly samples: number;
  /** Sequences that run while Jobs are completed at an even pace. */
  readonly running: readonly number[];
  /** Sequences in flight whose Jobs are completed at once, and how many sequences make a turn. */
  readonly atOnce: readonly { readonly inFlight: number; readonly sequences: number }[];
}

const FULL: Effort = {
  warmUp: 60,
  pairs: 5,
  samples: 160,
  running: [1, 4, 50, 500],
  atOnce: [
    { inFlight: 1, sequences: 10 },
    { inFlight: 4, sequences: 25 },
  ],
};
const SMOKE: Effort = { warmUp: 2, pairs: 1, samples: 6, running: [2], atOnce: [{ inFlight: 1, sequences: 1 }] };

/** Completions per second: a fraction of what the API server takes, so that a hand-off waits for no other. */
const PACE = 20;

/** In which all that is written about the start of a sequence has been, its Events too. */
const START_MS = 20;

const REACH = { p50: 1.3, p99: 2 } as const;

export const handoff: Benchmark = {
  name: 'handoff',
  title: 'Controller: hand-off from a Job to the next',
  about:
    'From the frame that shows a Job’s completion to the frame that shows the next Job, in one and the same watch of who ' +
    'looks on. N running: N sequences run, what is written about their start is over, and ' +
    `${PACE} Jobs a second complete. N in flight at once: each Job completes as ` +
    'soon as it is seen, so that the writes about one step are still under way when the next one ends. The floor is a ' +
    'process of its own that watches Jobs and answers each completion with one raw create over one kept-alive ' +
    'connection; it writes no status and no Events. Both take turns (A B B A …) on one API server; p50 and its ratio are the ' +
    'medians over neighbouring turns, p99 is of all turns; in brackets the extremes of neighbouring turns.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const effort = smoke ? SMOKE : FULL;
    return inWorld(log, (world) =>
      onStage(world, { sequences: effort.warmUp }, (stage) => measure(stage, effort, log)),
    );
  },
};

async function measure(stage: Stage, effort: Effort, log: (line: string) => void): Promise<readonly Row[]> {
  const { ours } = stage;
  const { pairs, samples, running, atOnce } = effort;
  const bare: Floor = await stage.floor('jobs', 1);
  const rows: Row[] = [];
  const add = (what: string, measured: Turns, reach?: typeof REACH): void => {
    rows.push(row(`${what}, p50`, measured, { p: 0.5, reach: reach?.p50 }));
    rows.push(row(`${what}, p99`, measured, { p: 0.99, reach: reach?.p99 }));
    for (const { what, ours, floor, ratio } of rows.slice(-2)) log(`${what}: ${ours}, floor ${floor}, ${ratio}`);
  };
  for (const sequences of running) {
    const [one, other] = [new Paced(ours.field, sequences), new Paced(bare.field, sequences)];
    const turns = await inTurns(pairs, { ours: () => one.turn(samples), floor: () => other.turn(samples) });
    await one.end();
    await other.end();
    add(`${sequences} running`, turns, REACH);
  }
  for (const run of atOnce) {
    const turn = async (field: Field): Promise<readonly number[]> => (await field.run(run)).handoffs;
    const turns = await inTurns(pairs, { ours: () => turn(ours.field), floor: () => turn(bare.field) });
    add(`${run.inFlight} in flight at once`, turns);
  }
  return rows;
}

/** Sequences that run and are handed on at an even pace; new ones when all have come to their last step. */
class Paced {
  readonly #field: Field;
  readonly #sequences: number;
  #left = 0;

  constructor(field: Field, sequences: number) {
    this.#field = field;
    this.#sequences = sequences;
  }

  async turn(samples: number): Promise<readonly number[]> {
    const handoffs: number[] = [];
    while (handoffs.length < samples) {
      if (this.#left === 0) await this.#refill();
      const more = Math.min(this.#left, samples - handoffs.length);
      handoffs.push(...(await this.#field.pace(more, PACE)).handoffs);
      this.#left -= more;
    }
    return handoffs;
  }

  async end(): Promise<void> {
    await this.#field.finish();
  }

  async #refill(): Promise<void> {
    await this.#field.finish();
    await this.#field.fill(this.#sequences);
    await sleep(START_MS * this.#sequences);
    this.#left = this.#sequences * (STEPS - 1);
  }
}

type Turns = readonly Pair<readonly number[]>[];

interface Quantile {
  readonly p: number;
  readonly reach: number | undefined;
}

function row(what: string, turns: Turns, { p, reach }: Quantile): Row {
  const quantile = (handoffs: readonly number[]): number => percentile(handoffs, p);
  const figure = p === 0.5 ? compare(turns, quantile) : overall(turns, quantile);
  return {
    what,
    ours: `${figure.ours.toFixed(1)} ms`,
    floor: `${figure.floor.toFixed(1)} ms`,
    ratio: formatRatio(figure),
    ...(reach === undefined ? {} : { reach: `≤ ${reach}`, reached: figure.ratio <= reach }),
  };
}

/** Of a turn the last percentile is two or three hand-offs: it takes all of them to say anything. */
function overall(turns: Turns, quantile: (handoffs: readonly number[]) => number): Comparison {
  const ours = quantile(turns.flatMap((turn) => turn.ours));
  const floor = quantile(turns.flatMap((turn) => turn.floor));
  return { ...compare(turns, quantile), ours, floor, ratio: ours / floor };
}
