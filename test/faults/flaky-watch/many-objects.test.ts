/** A controller that comes up in front of thousands of sequences: how long that takes, what it costs, and that the work goes on. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { FINALIZER } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { createApiClient } from '../../../shared/kube/client.ts';
import { loadKubeConfig } from '../../../shared/kube/kubeconfig.ts';
import { SEQUENTIAL_JOBS } from '../../../shared/kube/resources.ts';
import { Namespace } from '../../support/namespace.ts';
import { eventually } from '../../support/eventually.ts';
import { JobHistory } from '../../support/job-history.ts';
import { valueOf } from '../../support/metrics.ts';
import { Operator } from '../../support/operator.ts';
import { dedicatedControlPlane } from '../../support/dedicated-control-plane.ts';
import { gated, sequence } from '../../support/sequences.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { inParallel } from '../../support/parallel.ts';
import { shared } from '../../support/share.ts';
import { fault, inOrder, report, seconds } from '../../support/flaky-watch.ts';

const FINISHED = shared(9_900, 900);
const RUNNING = shared(100, 20);
const STEPS = 5;
/** Hundreds of steps wait for the same gate: they don't look often. */
const PATIENT = 'until [ -e /gate/go ]; do sleep 3; done';
/** Generous: it takes a fraction of these where nothing else runs. */
const SYNC_BOUND_MS = 60_000;
const MEMORY_BOUND = 512 * 1024 * 1024;

const own = dedicatedControlPlane();
const folder = temporaryFolder();

/** Creates a finished sequence, as the controller would have recorded it. */
async function addFinished(namespace: Namespace, index: number, status: SequentialJobStatus): Promise<void> {
  const name = `finished-${index}`;
  await namespace.apply(name, sequence(STEPS), { finalizers: [FINALIZER] });
  await namespace.setStatus(name, status);
}

async function finishedVersions(namespace: Namespace): Promise<readonly string[]> {
  const items = await namespace.list<SequentialJob>(SEQUENTIAL_JOBS);
  const finished = items.filter(({ metadata }) => metadata.name.startsWith('finished-'));
  return finished.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
}

/** Starts a controller and measures how long it takes to work. */
async function measure(namespace: Namespace): Promise<Operator> {
  const since = performance.now();
  const operator = Operator.controller(own.plane.kubeconfig, namespace.name, ['--metrics-port=0']);
  await operator.untilSays('controller started', 120);
  const took = performance.now() - since;
  report(`${FINISHED + RUNNING} sequences: works ${seconds(took)} after the start of the process`);
  expect(took).toBeLessThan(SYNC_BOUND_MS);
  expect(operator.output).toContain(`"sequentialJobs":${FINISHED + RUNNING + 1},`);
  return operator;
}

describe('a controller that starts with thousands of existing sequences', () => {
  fault(
    'knows them soon, leaves alone what is over, and goes on with what runs',
    async () => {
      const client = createApiClient(loadKubeConfig({ path: own.plane.kubeconfig }), {
        userAgent: 'sequentialjob-tests',
      });
      const namespace = await Namespace.create(client, 'many');
      const history = await JobHistory.start(client, namespace.name);
      const names = Array.from({ length: RUNNING }, (_, i) => `running-${i}`);
      try {
        const first = await Operator.start(own.plane.kubeconfig, namespace.name);
        await namespace.apply('model', sequence(STEPS));
        const { status } = await namespace.untilFinished('model');
        expect(status?.phase).toBe('Completed');
        await inParallel(RUNNING, (i) => namespace.apply(names[i] ?? '', gated(folder, sequence(2, { 0: PATIENT }))));
        await eventually('all run', () => names.every((name) => history.events(name).length > 0), 120);
        await first.end('SIGKILL');
        await inParallel(FINISHED, (i) => addFinished(namespace, i, status ?? {}));
        const before = await finishedVersions(namespace);
        const operator = await measure(namespace);
        await writeFile(join(folder, 'go'), '');
        const since = performance.now();
        await Promise.all(names.map((name) => namespace.untilFinished(name, 240)));
        report(`${RUNNING} that ran are over ${seconds(performance.now() - since)} after they could be`);
        const bytes = valueOf(await operator.metrics(), 'process_resident_memory_bytes');
        report(`${Math.round(bytes / 1024 / 1024)} MB resident`);
        expect(bytes).toBeLessThan(MEMORY_BOUND);
        expect(await finishedVersions(namespace)).toEqual(before);
        for (const name of names) expect(history.events(name)).toEqual(inOrder(2));
        expect(await operator.end('SIGTERM')).toEqual({ code: 0, signal: null });
      } finally {
        await Operator.endAll();
        await history.stop();
        await client.close();
      }
    },
    { slow: true, seconds: 600 },
  );
});
