/** What each kind of the controller's requests costs the API server, and what the definition and a watch add to it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PLURAL } from '../../shared/api/group.ts';
import { collectionPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Schema } from '../../shared/api/schema.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { alternate, compare, formatRatio, type Comparison } from '../comparison.ts';
import { cpuMsOf } from '../processes.ts';
import { JobDriver } from './job-driver.ts';
import { ControllerProgram } from './programs.ts';
import { RawClient } from './raw-client.ts';
import { record, type Recording } from './recording.ts';
import { changeConfigMaps, createConfigMaps, type Kind, kindsOf, RequestSender, statusKind } from './request-kinds.ts';
import { sequenceBody, STEPS } from './sequences.ts';
import { addDefinition, type TestControlPlane, withControlPlane } from './with-control-plane.ts';

interface Effort {
  readonly pairs: number;
  /** In a measurement. */
  readonly sequences: number;
  readonly idleMs: number;
}

const FULL: Effort = { pairs: 25, sequences: 15, idleMs: 5_000 };
const SMOKE: Effort = { pairs: 1, sequences: 2, idleMs: 100 };

const CONNECTIONS = 16;
/** What a step may cost, of what it cost when each field of the status was tracked. */
const MAX_STEP_RATIO = 0.75;
/** The API server is quiet when it takes less than this of a core for so long. */
const QUIET = 0.1;
const QUIET_MS = 2_000;

/** The group of a definition whose status is not atomic. */
const TRACKED_GROUP = 'tracked.example.com';

/** Of each kind, for a step of a sequence of `STEPS` steps; as test/integration/requests.test.ts counts them. */
const FOR_A_STEP = { job: 1, dryRun: 1 / STEPS, event: (2 * STEPS + 2) / STEPS, status: (STEPS + 1) / STEPS } as const;
type KindName = keyof typeof FOR_A_STEP;

const LABELS: Readonly<Record<KindName, string>> = {
  job: 'create a Job',
  dryRun: 'dry run of a Job',
  event: 'write an Event',
  status: 'write a status',
};

export const requests: Benchmark = {
  name: 'requests',
  title: 'API server: CPU of each kind of request',
  description:
    `The writes for sequences of ${STEPS} steps, recorded from the controller and sent again for other sequences, without a ` +
    'controller. The baseline is a ConfigMap of the same size, created instead of Jobs and Events, and changed to the same extent instead of a ' +
    'status: the least that Kubernetes takes for such a write. A step is the sum of its requests: ' +
    `${Object.entries(FOR_A_STEP)
      .map(([name, count]) => `${LABELS[name as KindName]} ${count}`)
      .join(', ')}. ` +
    'What the API server takes when idle is subtracted. Both are measured alternately (A B B A …).',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    return withControlPlane(log, async (controlPlane) => {
      const bench = await Requests.start(controlPlane, smoke ? SMOKE : FULL, log);
      try {
        return [...(await bench.kinds()), ...(await bench.watch()), ...(await bench.tracking())];
      } finally {
        await bench.close();
      }
    });
  },
};

const NAMESPACE = 'bench-requests';

class Requests {
  readonly #controlPlane: TestControlPlane;
  readonly #raw: RawClient;
  readonly #kinds: ReturnType<typeof kindsOf>;
  readonly #recording: Recording;
  readonly #effort: Effort;
  readonly #log: (line: string) => void;
  readonly #sender: RequestSender;
  #idle = 0;
  /** Of a step, without the status writes. */
  #otherRequests = 0;

  private constructor(
    controlPlane: TestControlPlane,
    { raw, recording }: { readonly raw: RawClient; readonly recording: Recording },
    effort: Effort,
    log: (line: string) => void,
  ) {
    this.#controlPlane = controlPlane;
    this.#raw = raw;
    this.#recording = recording;
    this.#kinds = kindsOf(recording, NAMESPACE);
    this.#effort = effort;
    this.#log = log;
    this.#sender = new RequestSender(raw);
  }

  static async start(controlPlane: TestControlPlane, effort: Effort, log: (line: string) => void): Promise<Requests> {
    const recording = await recordRequests(controlPlane);
    await controlPlane.createNamespace(NAMESPACE);
    const raw = await RawClient.connect(controlPlane.kubeconfig, CONNECTIONS);
    const bench = new Requests(controlPlane, { raw, recording }, effort, log);
    await sleep(effort.idleMs);
    const before = await cpuMsOf(controlPlane.apiServerPid);
    await sleep(effort.idleMs);
    bench.#idle = ((await cpuMsOf(controlPlane.apiServerPid)) - before) / effort.idleMs;
    log(`the API server takes ${(bench.#idle * 100).toFixed(1)} % of a core when idle`);
    return bench;
  }

  async close(): Promise<void> {
    await this.#raw.close();
  }

  async kinds(): Promise<readonly Row[]> {
    const step = { ours: 0, baseline: 0 };
    const rows: Row[] = [];
    for (const name of ['job', 'dryRun', 'event', 'status'] as const) {
      const measured = await this.#compare(this.#kinds[name], this.#baselineOf(name));
      rows.push(this.#row(LABELS[name], measured));
      step.ours += measured.ours * FOR_A_STEP[name];
      step.baseline += measured.baseline * FOR_A_STEP[name];
      if (name !== 'status') this.#otherRequests = step.ours;
    }
    const { ours, baseline } = step;
    return [...rows, { label: 'a step', ours: ms(ours), baseline: ms(baseline), ratio: (ours / baseline).toFixed(2) }];
  }

  /** What one more watch adds to a status write: the API server encodes the object for each. */
  async watch(): Promise<readonly Row[]> {
    const status = this.#kinds.status;
    const { kubeconfig } = this.#controlPlane;
    const measured = await alternate(this.#effort.pairs, {
      ours: async () => {
        const watching = await RawClient.connect(kubeconfig, 1);
        await watching.watch(collectionPath(SEQUENTIAL_JOBS, NAMESPACE), () => undefined);
        const measured = await this.#measure(status);
        await watching.close();
        return measured;
      },
      baseline: () => this.#measure(status),
    });
    return [this.#row('write a status, with a watch; the baseline without', compare(measured, same))];
  }

  /** What it costs if the API server tracks each field of the status in `metadata.managedFields`. */
  async tracking(): Promise<readonly Row[]> {
    const { versions, raw } = this.#controlPlane;
    // Under another name, so that both can be measured one right after the other.
    const tracked = versions.filter(({ storage }) => storage).map(withTrackedStatus);
    await addDefinition(raw, TRACKED_GROUP, tracked);
    await this.#untilQuiet();
    const resource = { root: `/apis/${TRACKED_GROUP}/${tracked[0]?.name}`, plural: PLURAL };
    const measured = await this.#compare(this.#kinds.status, statusKind(this.#recording, NAMESPACE, resource));
    const step = (status: number): number => this.#otherRequests + status * FOR_A_STEP.status;
    const [ours, baseline] = [step(measured.baseline * measured.ratio), step(measured.baseline)];
    return [
      this.#row('write a status, tracked as one field; the baseline each of its fields', measured),
      {
        label: 'a step, the status tracked as one field; the baseline each of its fields',
        ours: ms(ours),
        baseline: ms(baseline),
        ratio: (ours / baseline).toFixed(2),
        target: `≤ ${MAX_STEP_RATIO}`,
        targetMet: ours / baseline <= MAX_STEP_RATIO,
      },
    ];
  }

  /** The API server computes its OpenAPI document anew for a new definition. */
  async #untilQuiet(): Promise<void> {
    const { apiServerPid } = this.#controlPlane;
    for (let share = 1; share > QUIET;) {
      const before = await cpuMsOf(apiServerPid);
      await sleep(QUIET_MS);
      share = ((await cpuMsOf(apiServerPid)) - before) / QUIET_MS;
    }
  }

  #baselineOf(name: KindName): Kind {
    const { jobs, statuses, events } = this.#recording;
    const size = (texts: readonly string[]): number => Math.round(texts.join('').length / texts.length);
    if (name === 'event') return createConfigMaps(NAMESPACE, size(events.flat()), events.flat().length);
    if (name !== 'status') return createConfigMaps(NAMESPACE, size(jobs), STEPS);
    // The status grows: half of it.
    const bytes = sequenceBody(NAMESPACE, STEPS).length + Math.round(statuses.join('').length / 2);
    return changeConfigMaps(NAMESPACE, { bytes, changed: size(statuses), each: statuses.length });
  }

  async #compare(ours: Kind, baseline: Kind): Promise<Comparison> {
    const turns = await alternate(this.#effort.pairs, {
      ours: () => this.#measure(ours),
      baseline: () => this.#measure(baseline),
    });
    return compare(turns, same);
  }

  /** CPU of the API server for a request, in milliseconds. */
  async #measure(kind: Kind): Promise<number> {
    const { apiServerPid } = this.#controlPlane;
    const prepared = await this.#sender.prepare(kind, this.#effort.sequences);
    const [cpuBefore, before] = [await cpuMsOf(apiServerPid), performance.now()];
    await prepared.send();
    const [cpuAfter, after] = [await cpuMsOf(apiServerPid), performance.now()];
    return (cpuAfter - cpuBefore - (after - before) * this.#idle) / prepared.count;
  }

  #row(label: string, measured: Comparison): Row {
    const row = { label, ours: ms(measured.ours), baseline: ms(measured.baseline), ratio: formatRatio(measured) };
    this.#log(`${label}: ${row.ours}, baseline ${row.baseline}`);
    return row;
  }
}

const same = (value: number): number => value;
const ms = (value: number): string => `${value.toFixed(2)} ms`;

/** The requests of one sequence that a controller runs. */
async function recordRequests(controlPlane: TestControlPlane): Promise<Recording> {
  const namespace = await controlPlane.createNamespace('bench-recorded');
  const { process } = await ControllerProgram.start(controlPlane, namespace);
  try {
    const options = { raw: controlPlane.raw, namespace, aborted: process.exitedUnexpectedly };
    const driver = await JobDriver.start({ ...options, finishedBy: 'status' });
    return await record(controlPlane.raw, driver, { namespace, baselineNamespace: NAMESPACE });
  } finally {
    await process.kill();
  }
}

function withTrackedStatus(version: TestControlPlane['versions'][number]): TestControlPlane['versions'][number] {
  const { status, ...properties } = version.schema.openAPIV3Schema.properties ?? {};
  const { 'x-kubernetes-map-type': _, ...tracked }: Schema = status ?? {};
  return {
    ...version,
    schema: { openAPIV3Schema: { ...version.schema.openAPIV3Schema, properties: { ...properties, status: tracked } } },
  };
}
