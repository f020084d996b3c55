/** A namespace whose controller reaches the API server through a proxy that changes what its watches deliver. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { type ApiServerProxy, startApiServerProxy } from './api-server-proxy.ts';
import { kubeconfig } from './cluster.ts';
import { eventually } from './eventually.ts';
import { JobHistory } from './job-history.ts';
import { Namespace } from './namespace.ts';
import { Operator } from './operator.ts';
import { gated, sequence, waitsFor } from './sequences.ts';
import { isChosen, SHARE } from './share.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface FlakyWatch {
  readonly client: ApiClient;
  readonly namespace: Namespace;
  readonly proxy: ApiServerProxy;
  readonly history: JobHistory;
  /** The controller; replaced by a test that starts another one. */
  operator: Operator;
  /** The same sequence with the test's folder in every step. */
  gated(spec: SequentialJobSpec): SequentialJobSpec;
  /** A sequence whose steps wait each for its gate. */
  gatedSteps(count: number): SequentialJobSpec;
  /** Opens the gates of the steps with these indices. */
  open(...indices: readonly number[]): Promise<void>;
}

/**
 * A test that is run where it belongs to the share that is run; a slow one (half a minute or more) is run only with all
 * others. `seconds`: how long it may take.
 */
export function fault(name: string, body: () => Promise<void>, { slow = false, seconds = 120 } = {}): void {
  const run = isChosen(name) && (SHARE === 1 || !slow) ? it : it.skip;
  run(name, body, seconds * 1000);
}

/** Prints what was measured: figures are for people, and tests only assert generous bounds. */
export function report(what: string): void {
  process.stderr.write(`  measured: ${expect.getState().currentTestName ?? ''}: ${what}\n`);
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * Each test gets a namespace, a proxy and a controller, in the cluster of all tests or in another one. Call it where
 * `beforeEach` may stand.
 */
export function withFlakyWatch(prefix: string, clusterOf: () => string = kubeconfig): FlakyWatch {
  type Parts = Pick<FlakyWatch, 'client' | 'namespace' | 'proxy' | 'history' | 'operator'>;
  const here = {} as { -readonly [K in keyof Parts]: Parts[K] };
  let tests = 0;
  const gate = (index: number): string => `${tests}-step-${index}`;

  beforeAll(() => {
    here.client = createApiClient(loadKubeConfig({ path: clusterOf() }), { userAgent: 'sequentialjob-tests' });
  });
  afterAll(async () => here.client.close());

  beforeEach(async () => {
    tests++;
    here.namespace = await Namespace.create(here.client, prefix);
    here.history = await JobHistory.start(here.client, here.namespace.name);
    here.proxy = await startApiServerProxy(clusterOf());
    here.operator = await Operator.start(here.proxy.kubeconfig, here.namespace.name);
  });

  afterEach(async () => {
    // Another controller, without the proxy, removes whatever a test left behind.
    try {
      await Operator.endAll();
      await Operator.start(clusterOf(), here.namespace.name);
      await here.namespace.remove();
    } finally {
      await Operator.endAll();
      await here.history.stop();
      await here.proxy.close();
    }
  }, 120_000);

  const folder = temporaryFolder();
  return Object.assign(here, {
    gated: (spec: SequentialJobSpec) => gated(folder, spec),
    gatedSteps: (count: number) => {
      const scripts = Object.fromEntries(Array.from({ length: count }, (_, i) => [i, waitsFor(gate(i))]));
      return gated(folder, sequence(count, scripts));
    },
    open: async (...indices: readonly number[]) => {
      await Promise.all(indices.map((index) => writeFile(join(folder, gate(index)), '')));
    },
  });
}

/** `s0 started`, `s0 completed`, `s1 started`, … */
export function inOrder(steps: number): readonly string[] {
  return Array.from({ length: steps }, (_, i) => [`s${i} started`, `s${i} completed`]).flat();
}

/**
 * The sequence completes with one Job for each step, one after another; its status agrees with the Jobs; and when it is
 * deleted, its Jobs are deleted too.
 */
export async function expectSound(
  { namespace, history }: Pick<FlakyWatch, 'namespace' | 'history'>,
  name: string,
  steps: number,
): Promise<void> {
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
  await eventually('all Job events', () => history.events(name).length >= wanted.length);
  await namespace.delete(name);
  await namespace.untilGone(name);
  await namespace.untilNoJobs(name);
  expect(history.events(name)).toEqual(wanted);
}
