/** How many steps a second, at what cost in requests and in CPU, and how both grow. */
import { collectionPath, EVENTS } from '../../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { compare, formatRatio, inTurns, type Pair } from '../pairing.ts';
import { median } from '../percentiles.ts';
import { type Field, type Run, STEPS } from './field.ts';
import { onStage, type Ours, type Stage } from './pair.ts';
import type { Requests } from './programs.ts';
import type { RawClient } from './raw-client.ts';
import { inWorld } from './world.ts';

interface Effort {
  readonly warmUp: number;
  readonly pairs: number;
  readonly few: Run;
  readonly many: Run;
  /** What the rival was measured with. */
  readonly rivals: readonly Run[];
}

const FULL: Effort = {
  warmUp: 60,
  pairs: 3,
  few: { sequences: 50, inFlight: 50 },
  many: { sequences: 500, inFlight: 500 },
  rivals: [
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
  rivals: [],
};

/** As many as the program's workers and its writer of Events have under way. */
const CONNECTIONS = 20;

/** Two Events for each of its status writes: one a step, and the end. */
const EVENTS_PER_SEQUENCE = 2 * (STEPS + 1);
const EVENTS_MS = 120_000;

export const throughput: Benchmark = {
  name: 'throughput',
  title: 'Controller: throughput, requests and CPU',
  about:
    `Sequences of ${STEPS} steps that are all there at once; each Job is completed as soon as it is seen. The floor is a ` +
    'process of its own that sends the same creates and status patches, with bodies recorded from the program, in the ' +
    `same order for each sequence, over ${CONNECTIONS} connections; once without and once with the Events, which the ` +
    'program writes beside the work and the time does not wait for. CPU is that of the process, with what it takes to ' +
    'write the last Event. Turns (A B B A …) on one API server.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const effort = smoke ? SMOKE : FULL;
    return inWorld(log, (world) =>
      onStage(world, { sequences: effort.warmUp }, (stage) => new Throughput(stage, world.raw, log).rows(effort)),
    );
  },
};

interface Turn {
  readonly stepsPerSecond: number;
  readonly cpuMsPerStep: number;
  /** For a step, by method; only of ours. */
  readonly requests: Requests;
  /** That are not there in the end; only of ours. */
  readonly eventsLost: number;
}

class Throughput {
  readonly #stage: Stage;
  readonly #raw: RawClient;
  readonly #log: (line: string) => void;
  #events = 0;

  constructor(stage: Stage, raw: RawClient, log: (line: string) => void) {
    this.#stage = stage;
    this.#raw = raw;
    this.#log = log;
  }

  async rows({ pairs, few, many, rivals }: Effort): Promise<readonly Row[]> {
    this.#events = await this.#untilEventsRest();
    const rows: Row[] = [];
    const turns: Pair<Turn>[] = [];
    for (const [writes, what] of [
      ['statuses', ''],
      ['events', ', the floor with Events too'],
    ] as const) {
      const floor = await this.#stage.floor(writes, CONNECTIONS);
      const measured = await inTurns(pairs, {
        ours: () => this.#ours(many),
        floor: () => turnOf(floor.field, () => floor.process.cpuMs(), many),
      });
      rows.push(...comparison(`${many.sequences} × ${STEPS} steps${what}`, measured, writes === 'statuses'));
      turns.push(...measured);
      await floor.process.kill();
    }
    const ours = turns.map((turn) => turn.ours);
    const small = await this.#ours(few);
    rows.push(...cost(ours), ...growth(small, ours, many.sequences / few.sequences));
    for (const run of rivals) rows.push(rival(run, await this.#ours(run)));
    return rows;
  }

  async #ours(run: Run): Promise<Turn> {
    const { program, field }: Ours = this.#stage.ours;
    const before = await program.requests();
    let eventsLost = 0;
    const turn = await turnOf(
      field,
      () => program.process.cpuMs(),
      run,
      async () => {
        eventsLost = await this.#lastEvent(run);
      },
    );
    const after = await program.requests();
    const steps = run.sequences * STEPS;
    const requests = Object.entries(after).map(([method, n]) => [method, (n - (before[method] ?? 0)) / steps] as const);
    this.#log(`${run.sequences} × ${STEPS}, ${run.inFlight} in flight: ${turn.stepsPerSecond.toFixed(0)} steps/s`);
    return { ...turn, eventsLost, requests: Object.fromEntries(requests) };
  }

  /** Waits for the last Event of a run, and says how many never came. */
  async #lastEvent({ sequences }: Run): Promise<number> {
    const wanted = this.#events + sequences * EVENTS_PER_SEQUENCE;
    this.#events = await this.#untilEventsRest(wanted);
    return wanted - this.#events;
  }

  /** The Events that are there, as soon as it is so many, or no more come. */
  async #untilEventsRest(wanted = Infinity): Promise<number> {
    const limit = performance.now() + (wanted === Infinity ? 1_000 : EVENTS_MS);
    let seen = 0;
    while (seen < wanted && performance.now() < limit) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      const path = `${collectionPath(EVENTS, this.#stage.ours.namespace)}?limit=1`;
      const { metadata, items } = JSON.parse(await this.#raw.send({ method: 'GET', path })) as CountedList;
      seen = items.length + (metadata.remainingItemCount ?? 0);
    }
    return seen;
  }
}

interface CountedList {
  readonly metadata: { readonly remainingItemCount?: number };
  readonly items: readonly unknown[];
}

async function turnOf(
  field: Field,
  cpuMs: () => Promise<number>,
  run: Run,
  afterwards?: () => Promise<void>,
): Promise<Turn> {
  const before = await cpuMs();
  const { seconds } = await field.run(run);
  await afterwards?.();
  const steps = run.sequences * STEPS;
  return {
    stepsPerSecond: steps / seconds,
    cpuMsPerStep: ((await cpuMs()) - before) / steps,
    requests: {},
    eventsLost: 0,
  };
}

function comparison(what: string, turns: readonly Pair<Turn>[], isReach: boolean): readonly Row[] {
  const speed = compare(turns, ({ stepsPerSecond }) => stepsPerSecond);
  const cpu = compare(turns, ({ cpuMsPerStep }) => cpuMsPerStep);
  return [
    {
      what,
      ours: `${speed.ours.toFixed(0)} steps/s`,
      floor: `${speed.floor.toFixed(0)} steps/s`,
      ratio: formatRatio(speed),
      ...(isReach ? { reach: '≥ 0.8', reached: speed.ratio >= 0.8 } : {}),
    },
    {
      what: `${what}: CPU of the process for a step`,
      ours: `${cpu.ours.toFixed(2)} ms`,
      floor: `${cpu.floor.toFixed(2)} ms`,
      ratio: formatRatio(cpu),
    },
  ];
}

function cost(turns: readonly Turn[]): readonly Row[] {
  const of = (method: string): number => median(turns.map(({ requests }) => requests[method] ?? 0));
  const cpu = median(turns.map(({ cpuMsPerStep }) => cpuMsPerStep));
  const events = EVENTS_PER_SEQUENCE / STEPS;
  const reads = of('GET');
  const lost = turns.reduce((sum, { eventsLost }) => sum + eventsLost, 0);
  return [
    { what: 'CPU for a step', ours: `${cpu.toFixed(2)} ms`, floor: '–', reach: '≤ 1.5 ms', reached: cpu <= 1.5 },
    {
      what: 'requests for a step: POST (Jobs and Events), PATCH (status)',
      ours: `${of('POST').toFixed(2)}, ${of('PATCH').toFixed(2)}`,
      floor: `${(1 + events).toFixed(2)}, ${((STEPS + 1) / STEPS).toFixed(2)}`,
      reach: 'equal',
      reached: of('POST') === 1 + events && of('PATCH') === (STEPS + 1) / STEPS,
    },
    { what: 'reads for a step: GET (lists too)', ours: reads.toFixed(2), floor: '0', reach: '0', reached: reads === 0 },
    { what: 'Events lost', ours: String(lost), floor: '–', reach: '0', reached: lost === 0 },
  ];
}

function growth(few: Turn, many: readonly Turn[], times: number): readonly Row[] {
  const cpu = median(many.map(({ cpuMsPerStep }) => cpuMsPerStep)) / few.cpuMsPerStep;
  return [
    {
      what: `CPU for a step at ${times} × the load, to that at the single load`,
      ours: cpu.toFixed(2),
      floor: '–',
      reach: '≤ 1.1',
      reached: cpu <= 1.1,
    },
  ];
}

function rival({ sequences, inFlight }: Run, { stepsPerSecond, cpuMsPerStep }: Turn): Row {
  return {
    what: `${sequences} × ${STEPS} steps, ${inFlight} in flight`,
    ours: `${stepsPerSecond.toFixed(0)} steps/s, ${cpuMsPerStep.toFixed(2)} ms CPU a step`,
    floor: '–',
  };
}
