/** Memory of finished sequences. */
import { collectionPath, JOBS, type Resource, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { JobDriver } from './job-driver.ts';
import { Heap, INSPECT_FLAG } from './heap.ts';
import { ControllerProgram } from './programs.ts';
import type { RawClient } from './raw-client.ts';
import { withControlPlane, type TestControlPlane } from './with-control-plane.ts';
import { STEPS } from './sequences.ts';

const IN_FLIGHT = 50;
/** Sequences that run before the first heap measurement, so that code is compiled and caches are filled. */
const WARM_UP = 60;
const TARGET_KB = 8;

export const memory: Benchmark = {
  name: 'memory',
  title: 'Controller: memory of finished sequences',
  description:
    `Finished sequences of ${STEPS} steps with their Jobs; there are no Pods, because no controller manager runs. Heap is V8’s ` +
    'heap after a full garbage collection (read through the inspector), less the heap of the same process before the ' +
    'sequences were created. For sequences found at the start it is less the heap of a process that found none, so the figure ' +
    'includes compiled code. The baseline is the size of the same objects as JSON in the API server’s lists.',
  async run({ smoke, full = false, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const counts = smoke ? [6] : full ? [2_000, 10_000] : [2_000];
    return withControlPlane(log, (controlPlane) => measure(controlPlane, smoke ? 2 : WARM_UP, counts));
  },
};

async function measure(
  controlPlane: TestControlPlane,
  warmUp: number,
  counts: readonly number[],
): Promise<readonly Row[]> {
  const namespace = await controlPlane.createNamespace('bench-ours');
  let program = await ControllerProgram.start(controlPlane, namespace, [INSPECT_FLAG]);
  try {
    const driver = await JobDriver.start({
      raw: controlPlane.raw,
      namespace,
      finishedBy: 'status',
      aborted: program.process.exitedUnexpectedly,
    });
    await driver.run({ sequences: warmUp, inFlight: IN_FLIGHT });
    let heap = await Heap.of(program.process);
    const before = await heap.used();
    let finished = 0;
    const rows: Row[] = [];
    for (const count of counts) {
      await driver.run({ sequences: count - finished, inFlight: IN_FLIGHT });
      finished = count;
      const json = await listedBytes(controlPlane.raw, namespace);
      const baseline = `${formatKb(json / (warmUp + count))} of JSON`;
      rows.push(row(`${count} finished, run by this process`, (await heap.used()) - before, { count, baseline }));
      rows.push({
        label: `${count} finished: RSS`,
        ours: `${(await program.process.rssMb()).toFixed(0)} MB`,
        baseline: '–',
      });
    }
    heap.close();
    const empty = await emptyHeap(controlPlane);
    await program.process.kill();
    program = await ControllerProgram.start(controlPlane, namespace, [INSPECT_FLAG]);
    heap = await Heap.of(program.process);
    const found = warmUp + finished;
    rows.push(
      row(`${found} finished, found at the start`, (await heap.used()) - empty, { count: found, baseline: '–' }),
    );
    rows.push({
      label: `${found} found: RSS`,
      ours: `${(await program.process.rssMb()).toFixed(0)} MB`,
      baseline: '–',
    });
    heap.close();
    return rows;
  } finally {
    await program.process.kill();
  }
}

/** The heap of a controller in an empty namespace. */
async function emptyHeap(controlPlane: TestControlPlane): Promise<number> {
  const program = await ControllerProgram.start(controlPlane, await controlPlane.createNamespace('bench-empty'), [
    INSPECT_FLAG,
  ]);
  try {
    const heap = await Heap.of(program.process);
    const used = await heap.used();
    heap.close();
    return used;
  } finally {
    await program.process.kill();
  }
}

/** The size in bytes of the lists of all sequences and their Jobs. */
async function listedBytes(raw: RawClient, namespace: string): Promise<number> {
  const sizeOf = async (resource: Resource): Promise<number> =>
    (await raw.send({ method: 'GET', path: collectionPath(resource, namespace) })).length;
  return (await sizeOf(SEQUENTIAL_JOBS)) + (await sizeOf(JOBS));
}

const formatKb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} KB`;

function row(
  label: string,
  bytes: number,
  { count, baseline }: { readonly count: number; readonly baseline: string },
): Row {
  const each = bytes / count;
  return {
    label: `${label}: heap per sequence`,
    ours: formatKb(each),
    baseline,
    target: `≤ ${TARGET_KB} KB`,
    targetMet: each <= TARGET_KB * 1000,
  };
}
