/** A controller that comes up in front of thousands of sequences: how long that takes, what it costs, and that the work goes on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { FINALIZER } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { createApiClient, PATCH_TYPE } from '../../../shared/kube/client.ts';
import { loadKubeConfig } from '../../../shared/kube/kubeconfig.ts';
import { collectionPath, objectPath, SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import { Namespace } from '../../support/namespace.ts';
import { eventually } from '../../support/eventually.ts';
import { JobHistory } from '../../support/job-history.ts';
import { parseMetrics, valueOf } from '../../support/metrics.ts';
import { Operator } from '../../support/operator.ts';
import { dedicatedControlPlane } from '../../support/dedicated-control-plane.ts';
import { gated, sequence } from '../../support/sequences.ts';
import { shared } from '../../support/share.ts';
import { fault, inOrder, report, seconds } from '../../support/flaky-watch.ts';

const FINISHED = shared(9_900, 900);
const RUNNING = shared(100, 20);
const STEPS = 5;
const PARALLEL = 16;
/** Hundreds of steps wait for the same gate: they don't look often. */
const PATIENT = 'until [ -e /gate/go ]; do sleep 3; done';
/** Generous: it takes a fraction of these where nothing else runs. */
const SYNC_BOUND_MS = 60_000;
const MEMORY_BOUND = 512 * 1024 * 1024;

const own = dedicatedControlPlane();

/** Does it for each of so many, several at once. */
async function forEach(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

class Many {
  readonly namespace: Namespace;
  readonly #status: SequentialJobStatus;

  /** `status`: that of a sequence of `STEPS` steps which the operator has run to success. */
  constructor(namespace: Namespace, status: SequentialJobStatus) {
    this.namespace = namespace;
    this.#status = status;
  }

  /** A sequence that is over, as it would be on record. */
  async addFinished(index: number): Promise<void> {
    const { name: namespace, client } = this.namespace;
    const name = `finished-${index}`;
    await this.namespace.apply(name, sequence(STEPS), { finalizers: [FINALIZER] });
    await client.request({
      method: 'PATCH',
      path: objectPath(SEQUENTIAL_JOBS, namespace, name, 'status'),
      contentType: PATCH_TYPE.merge,
      body: { status: this.#status },
    });
  }

  async versions(): Promise<readonly string[]> {
    const { items } = await this.namespace.client.request<{ readonly items: readonly SequentialJob[] }>({
      method: 'GET',
      path: collectionPath(SEQUENTIAL_JOBS, this.namespace.name),
    });
    const finished = items.filter(({ metadata }) => metadata.name.startsWith('finished-'));
    return finished.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
  }
}

/** The controller, with its metrics served. */
function spawn(namespace: Namespace): Operator {
  const scope = [`--kubeconfig=${own.plane.kubeconfig}`, `--namespace=${namespace.name}`];
  return Operator.spawn(['run', '--role=controller', '--metrics-port=0', ...scope]);
}

async function residentBytes(operator: Operator): Promise<number> {
  const port = /"port":(\d+)/.exec(operator.output)?.[1] ?? '';
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return valueOf(parseMetrics(text), 'process_resident_memory_bytes');
}

async function measure(many: Many): Promise<Operator> {
  const since = performance.now();
  const operator = spawn(many.namespace);
  await operator.untilSays('controller started', 120);
  const took = performance.now() - since;
  report(`${FINISHED + RUNNING} sequences: works ${seconds(took)} after the start of the process`);
  expect(took).toBeLessThan(SYNC_BOUND_MS);
  expect(operator.output).toContain(`"sequentialJobs":${FINISHED + RUNNING + 1},`);
  return operator;
}

describe('a controller that comes up in front of thousands of sequences', () => {
  fault(
    'knows them soon, leaves alone what is over, and goes on with what runs',
    async () => {
      const client = createApiClient(loadKubeConfig({ path: own.plane.kubeconfig }), {
        userAgent: 'sequentialjob-tests',
      });
      const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-many-'));
      const namespace = await Namespace.create(client, 'many');
      const history = await JobHistory.start(client, namespace.name);
      const names = Array.from({ length: RUNNING }, (_, i) => `running-${i}`);
      try {
        const first = await Operator.start(own.plane.kubeconfig, namespace.name);
        await namespace.apply('model', sequence(STEPS));
        const { status } = await namespace.untilFinished('model');
        expect(status?.phase).toBe('Completed');
        await forEach(RUNNING, (i) => namespace.apply(names[i] ?? '', gated(folder, sequence(2, { 0: PATIENT }))));
        await eventually('all run', () => names.every((name) => history.events(name).length > 0), 120);
        await first.end('SIGKILL');
        const many = new Many(namespace, status ?? {});
        await forEach(FINISHED, (i) => many.addFinished(i));
        const before = await many.versions();
        const operator = await measure(many);
        await writeFile(join(folder, 'go'), '');
        const since = performance.now();
        await Promise.all(names.map((name) => namespace.untilFinished(name, 240)));
        report(`${RUNNING} that ran are over ${seconds(performance.now() - since)} after they could be`);
        const bytes = await residentBytes(operator);
        report(`${Math.round(bytes / 1024 / 1024)} MB resident`);
        expect(bytes).toBeLessThan(MEMORY_BOUND);
        expect(await many.versions()).toEqual(before);
        for (const name of names) expect(history.events(name)).toEqual(inOrder(2));
        expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
      } finally {
        await Operator.endAll();
        await history.stop();
        await client.close();
        await rm(folder, { recursive: true, force: true });
      }
    },
    { slow: true, seconds: 600 },
  );
});
