/** What it costs to serve v1alpha1 beside v1beta1: CPU of the API server and of the webhook that converts, per step. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GROUP, V1ALPHA1 } from '../../shared/api/group.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { alternate, compare, formatRatio, type Pair } from '../comparison.ts';
import { median } from '../percentiles.ts';
import { cpuMsOf, type MeasuredProcess } from '../processes.ts';
import { writeCertificate } from '../webhook/certificates.ts';
import { spawnWebhook } from '../webhook/servers.ts';
import { JobDriver, type Workload } from './job-driver.ts';
import { ControllerProgram } from './programs.ts';
import { RawClient } from './raw-client.ts';
import { patchDefinition, type TestControlPlane, withControlPlane } from './with-control-plane.ts';
import { STEPS } from './sequences.ts';

interface Effort {
  readonly pairs: number;
  readonly warmUp: Workload;
  readonly measured: Workload;
}

const FULL: Effort = {
  pairs: 3,
  warmUp: { sequences: 20, inFlight: 20 },
  measured: { sequences: 80, inFlight: 20 },
};
const SMOKE: Effort = { pairs: 1, warmUp: { sequences: 1, inFlight: 1 }, measured: { sequences: 2, inFlight: 2 } };

const CONNECTIONS = 16;
/** The API server opens the cache of a version that is served anew when it is read first, and drops that of another later. */
const SETTLE_MS = 3_000;
const POLL_MS = 100;
/** Without a conversion, all are done. */
const QUIET_MS = 1_000;

export const versions: Benchmark = {
  name: 'versions',
  title: 'Both API versions: what serving v1alpha1 costs',
  description:
    `Sequences of ${STEPS} steps, 20 in flight; the benchmark completes each Job as soon as it is created. Ours has v1alpha1 in ` +
    'the CustomResourceDefinition, so the API server converts for its cache of that version; the baseline has v1beta1 only. ' +
    'Both are measured alternately (A B B A …) with the same API server and webhook; a ratio is the median over neighboring ' +
    'measurements, with the extremes in parentheses. A conversion is a call of the webhook.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    return withControlPlane(log, async (controlPlane) => {
      const bench = await Versions.start(controlPlane);
      try {
        return await bench.rows(smoke ? SMOKE : FULL, log);
      } finally {
        await bench.stop();
      }
    });
  },
};

type Served = TestControlPlane['versions'][number];

/** For a step. */
interface Turn {
  readonly apiServerMs: number;
  readonly webhookMs: number;
  readonly conversions: number;
}

class Versions {
  readonly #controlPlane: TestControlPlane;
  readonly #folder: string;
  readonly #webhook: MeasuredProcess;
  readonly #metricsPort: number;
  #namespaces = 0;

  private constructor(controlPlane: TestControlPlane, folder: string, webhook: MeasuredProcess, metricsPort: number) {
    this.#controlPlane = controlPlane;
    this.#folder = folder;
    this.#webhook = webhook;
    this.#metricsPort = metricsPort;
  }

  static async start(controlPlane: TestControlPlane): Promise<Versions> {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const certificate = await writeCertificate(join(folder, 'certificate'));
    const webhook = spawnWebhook(controlPlane.release, certificate.folder, ['--metrics-port=0']);
    const metricsPort = Number(await webhook.untilOutput(/"port":(\d+),"msg":"metrics started"/));
    const port = Number(await webhook.untilOutput(/"port":(\d+),"msg":"webhook started"/));
    const caBundle = Buffer.from(certificate.caPem).toString('base64');
    const value = { url: `https://127.0.0.1:${port}/convert`, caBundle };
    await patchDefinition(controlPlane.raw, {
      op: 'replace',
      path: '/spec/conversion/webhook/clientConfig',
      value,
    });
    return new Versions(controlPlane, folder, webhook, metricsPort);
  }

  async stop(): Promise<void> {
    await this.#webhook.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #v1beta1Only(): readonly Served[] {
    return this.#controlPlane.versions.filter(({ name }) => name !== V1ALPHA1);
  }

  async rows(effort: Effort, log: (line: string) => void): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const [label, isServed, version] of [
      ['v1alpha1 served', true, undefined],
      ['v1alpha1 served, sequences created in it', true, V1ALPHA1],
      ['v1alpha1 not served', false, undefined],
    ] as const) {
      log(label);
      const withV1alpha1 = this.#controlPlane.versions.map((one) =>
        one.name === V1ALPHA1 ? { ...one, served: isServed } : one,
      );
      const turns = await alternate(effort.pairs, {
        ours: () => this.#turn(withV1alpha1, effort, version),
        baseline: () => this.#turn(this.#v1beta1Only, effort),
      });
      rows.push(...rowsOf(label, turns));
    }
    return rows;
  }

  /** With a controller, clients and a namespace of its own: a change of the definition ends all watches. */
  async #turn(inDefinition: readonly Served[], { warmUp, measured }: Effort, version?: typeof V1ALPHA1): Promise<Turn> {
    const { kubeconfig, apiServerPid } = this.#controlPlane;
    await this.#define(inDefinition);
    const namespace = await this.#controlPlane.createNamespace(`bench-versions-${(this.#namespaces += 1)}`);
    const raw = await RawClient.connect(kubeconfig, CONNECTIONS);
    const { process } = await ControllerProgram.start(this.#controlPlane, namespace);
    try {
      const driver = await JobDriver.start({
        raw,
        namespace,
        finishedBy: 'status',
        aborted: process.exitedUnexpectedly,
        ...(version === undefined ? {} : { version }),
      });
      await driver.run(warmUp);
      const read = async (): Promise<readonly [number, number, number]> => [
        // First: the others grow until all is converted.
        await this.#conversionsInTheEnd(),
        await cpuMsOf(apiServerPid),
        await this.#webhook.cpuMs(),
      ];
      const before = await read();
      await driver.run(measured);
      const after = await read();
      const steps = measured.sequences * STEPS;
      const [conversions = 0, apiServerMs = 0, webhookMs = 0] = after.map(
        (value, i) => (value - (before[i] ?? 0)) / steps,
      );
      return { apiServerMs, webhookMs, conversions };
    } finally {
      await process.kill();
      await raw.close();
    }
  }

  /** Resolves when the API server has the change. */
  async #define(inDefinition: readonly Served[]): Promise<void> {
    const { raw } = this.#controlPlane;
    await patchDefinition(raw, { op: 'replace', path: '/spec/versions', value: inDefinition });
    const isServed = inDefinition.some(({ name, served }) => name === V1ALPHA1 && served);
    const answers = async (path: string): Promise<boolean> =>
      raw.send({ method: 'GET', path }).then(
        () => true,
        () => false,
      );
    while ((await answers(`/apis/${GROUP}/${V1ALPHA1}`)) !== isServed) await sleep(POLL_MS);
    await sleep(SETTLE_MS);
  }

  /** Resolves when no more come: the cache of a version converts one object after the other, and is behind on a busy machine. */
  async #conversionsInTheEnd(): Promise<number> {
    let before = -1;
    let now = await this.#conversions();
    while (now !== before) {
      await sleep(QUIET_MS);
      [before, now] = [now, await this.#conversions()];
    }
    return now;
  }

  async #conversions(): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`);
    const lines = (await answer.text()).matchAll(/^sequentialjob_webhook_conversions_total\{.*\} (\d+)$/gm);
    return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}

function rowsOf(label: string, turns: readonly Pair<Turn>[]): readonly Row[] {
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const apiServer = compare(turns, ({ apiServerMs }) => apiServerMs);
  const of = (figure: (turn: Turn) => number, side: 'ours' | 'baseline'): number =>
    median(turns.map((turn) => figure(turn[side])));
  return [
    {
      label: `${label}: CPU of the API server for a step`,
      ours: ms(apiServer.ours),
      baseline: ms(apiServer.baseline),
      ratio: formatRatio(apiServer),
    },
    {
      label: `${label}: CPU of the webhook for a step`,
      ours: ms(of(({ webhookMs }) => webhookMs, 'ours')),
      baseline: ms(of(({ webhookMs }) => webhookMs, 'baseline')),
    },
    {
      label: `${label}: conversions for a step`,
      ours: of(({ conversions }) => conversions, 'ours').toFixed(1),
      baseline: of(({ conversions }) => conversions, 'baseline').toFixed(1),
    },
  ];
}
