/** A namespace whose controller sees the API server through a proxy that understands watches, for tests of bad weather. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { kubeconfig } from './cluster.ts';
import { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';
import { JobHistory } from './job-history.ts';
import { Operator } from './operator.ts';
import { gated, sequence, waitsFor } from './sequences.ts';
import { isChosen, SHARE } from './share.ts';
import { startWatchProxy, type WatchProxy } from './watch-proxy.ts';

export interface FlakyWatch {
  readonly client: ApiClient;
  readonly namespace: Namespace;
  readonly proxy: WatchProxy;
  readonly history: JobHistory;
  /** The controller; replaced by a test that starts another one. */
  operator: Operator;
  /** The same sequence with the test's folder in every step. */
  gated(spec: SequentialJobSpec): SequentialJobSpec;
  /** A sequence whose steps wait each for its gate. */
  gatedSteps(count: number): SequentialJobSpec;
  /** Lets the step of this index come to its end, or all that come. */
  open(...indices: readonly number[]): Promise<void>;
}

/**
 * A case as a test of its own, where it belongs to the part that is run; a slow one (half a minute or more) belongs to the
 * whole only. `seconds`: how long it may take.
 */
export function fault(name: string, body: () => Promise<void>, { slow = false, seconds = 120 } = {}): void {
  const run = isChosen(name) && (SHARE === 1 || !slow) ? it : it.skip;
  run(name, body, seconds * 1000);
}

/** Says what was measured, in the test's output: figures are for people, and only generous bounds are held against them. */
export function report(what: string): void {
  process.stderr.write(`  measured: ${expect.getState().currentTestName ?? ''}: ${what}\n`);
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * Each test gets a namespace, a proxy and a controller of its own, in the cluster of all tests or in another one. Call it
 * where `beforeEach` may stand.
 */
export function withFlakyWatch(prefix: string, clusterOf: () => string = kubeconfig): FlakyWatch {
  let client: ApiClient;
  let namespace: Namespace;
  let proxy: WatchProxy;
  let history: JobHistory;
  let operator: Operator;
  let folder: string;
  const gate = (index: number): string => `step-${index}`;

  beforeAll(() => {
    client = createApiClient(loadKubeConfig({ path: clusterOf() }), { userAgent: 'sequentialjob-tests' });
  });

  afterAll(async () => client.close());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sequentialjob-weather-'));
    namespace = await Namespace.create(client, prefix);
    history = await JobHistory.start(client, namespace.name);
    proxy = await startWatchProxy(clusterOf());
    operator = await Operator.start(proxy.kubeconfig, namespace.name);
  }, 60_000);

  afterEach(async () => {
    // Whatever a test left behind: another controller, in calm air, cleans up.
    try {
      await Operator.endAll();
      const calm = await Operator.start(clusterOf(), namespace.name);
      await namespace.remove();
      await calm.end('SIGTERM');
    } finally {
      await Operator.endAll();
      await history.stop();
      await proxy.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);

  return {
    get client() {
      return client;
    },
    get namespace() {
      return namespace;
    },
    get proxy() {
      return proxy;
    },
    get history() {
      return history;
    },
    get operator() {
      return operator;
    },
    set operator(another) {
      operator = another;
    },
    gated: (spec) => gated(folder, spec),
    gatedSteps: (count) => {
      const scripts = Object.fromEntries(Array.from({ length: count }, (_, i) => [i, waitsFor(gate(i))]));
      return gated(folder, sequence(count, scripts));
    },
    open: async (...indices) => {
      await Promise.all(indices.map((index) => writeFile(join(folder, gate(index)), '')));
    },
  };
}

/** `s0 started`, `s0 completed`, `s1 started`, … */
export function inOrder(steps: number): readonly string[] {
  return Array.from({ length: steps }, (_, i) => [`s${i} started`, `s${i} completed`]).flat();
}

export interface Ran {
  readonly namespace: Namespace;
  readonly history: JobHistory;
}

/**
 * The sequence ran to success with one Job for each step, one after another; its status says what is so; and when it is
 * deleted, it goes, and its Jobs with it.
 */
export async function expectSound({ namespace, history }: Ran, name: string, steps: number): Promise<void> {
  const { metadata, status } = await namespace.untilFinished(name);
  expect(status).toMatchObject({
    phase: 'Completed',
    observedGeneration: metadata.generation,
    state: { active: 0, succeeded: steps, failed: 0 },
    progress: { completedIndices: Array.from({ length: steps }, (_, i) => i), summary: `${steps}/${steps}` },
  });
  const jobs = await namespace.jobs(name);
  expect(status?.steps?.map(({ jobUID, state }) => [jobUID, state])).toEqual(
    jobs.map((job) => [job.metadata.uid, 'Succeeded']),
  );
  const wanted = inOrder(steps);
  await eventually('the whole story', () => history.events(name).length >= wanted.length);
  await namespace.delete(name);
  await namespace.untilGone(name);
  await eventually('no Jobs', async () => (await namespace.jobs(name)).length === 0);
  expect(history.events(name)).toEqual(wanted);
}
