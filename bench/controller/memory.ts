/** What finished sequences cost as long as they are kept. */
import { collectionPath, JOBS, type Resource, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Benchmark, BenchmarkOptions, Row } from '../benchmark.ts';
import { Field, STEPS } from './field.ts';
import { Heap, INSPECTED } from './heap.ts';
import { Program } from './programs.ts';
import type { RawClient } from './raw-client.ts';
import { inWorld, type World } from './world.ts';

const IN_FLIGHT = 50;
/** Before the heap is read for the first time: code is compiled and caches are filled by the first sequences. */
const WARM_UP = 60;
const REACH_KB = 8;

export const memory: Benchmark = {
  name: 'memory',
  title: 'Controller: memory of finished sequences',
  about:
    `Sequences of ${STEPS} steps, run to their end and left there with their Jobs; there are no Pods, because nobody makes ` +
    'them here. Heap: V8’s after a full collection, asked for through the inspector, over that of the same process before ' +
    'they were there; of those that are found at the start over that of a process which found nothing, so that compiled code ' +
    'is in the figure. The floor is the JSON of the same objects, as the API server lists it.',
  async run({ smoke, full = false, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const counts = smoke ? [6] : full ? [2_000, 10_000] : [2_000];
    return inWorld(log, (world) => measure(world, smoke ? 2 : WARM_UP, counts));
  },
};

async function measure(world: World, warmUp: number, counts: readonly number[]): Promise<readonly Row[]> {
  const namespace = await world.namespace('bench-ours');
  let program = await Program.start(world, namespace, [INSPECTED]);
  try {
    const field = await Field.open({ raw: world.raw, namespace, over: 'status', died: program.process.died });
    await field.run({ sequences: warmUp, inFlight: IN_FLIGHT });
    let heap = await Heap.of(program.process);
    const before = await heap.used();
    let there = 0;
    const rows: Row[] = [];
    for (const count of counts) {
      await field.run({ sequences: count - there, inFlight: IN_FLIGHT });
      there = count;
      const json = await listed(world.raw, namespace);
      const floor = `${kb(json / (warmUp + count))} of JSON`;
      rows.push(row(`${count} finished, run by this process`, (await heap.used()) - before, { count, floor }));
      rows.push({
        what: `${count} finished: RSS`,
        ours: `${(await program.process.rssMb()).toFixed(0)} MB`,
        floor: '–',
      });
    }
    heap.close();
    const empty = await emptyHeap(world);
    await program.process.kill();
    program = await Program.start(world, namespace, [INSPECTED]);
    heap = await Heap.of(program.process);
    const found = warmUp + there;
    rows.push(row(`${found} finished, found at the start`, (await heap.used()) - empty, { count: found, floor: '–' }));
    rows.push({ what: `${found} found: RSS`, ours: `${(await program.process.rssMb()).toFixed(0)} MB`, floor: '–' });
    heap.close();
    return rows;
  } finally {
    await program.process.kill();
  }
}

/** That of a program which has found nothing. */
async function emptyHeap(world: World): Promise<number> {
  const program = await Program.start(world, await world.namespace('bench-empty'), [INSPECTED]);
  try {
    const heap = await Heap.of(program.process);
    const used = await heap.used();
    heap.close();
    return used;
  } finally {
    await program.process.kill();
  }
}

/** The bytes of all sequences and their Jobs. */
async function listed(raw: RawClient, namespace: string): Promise<number> {
  const sizeOf = async (resource: Resource): Promise<number> =>
    (await raw.send({ method: 'GET', path: collectionPath(resource, namespace) })).length;
  return (await sizeOf(SEQUENTIAL_JOBS)) + (await sizeOf(JOBS));
}

const kb = (bytes: number): string => `${(bytes / 1000).toFixed(1)} KB`;

function row(what: string, bytes: number, { count, floor }: { readonly count: number; readonly floor: string }): Row {
  const each = bytes / count;
  return {
    what: `${what}: heap for one`,
    ours: kb(each),
    floor,
    reach: `≤ ${REACH_KB} KB`,
    reached: each <= REACH_KB * 1000,
  };
}
