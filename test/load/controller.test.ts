/** The controller with thousands of sequences at once, and one beside them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { percentile } from '../../bench/percentiles.ts';
import { eventually } from '../support/eventually.ts';
import { shared } from '../support/share.ts';
import { MeteredOperator } from '../support/metered-operator.ts';
import { total } from '../support/metrics.ts';
import { report } from './report.ts';
import { SequenceRunner } from './sequence-runner.ts';
import { startLoadControlPlane, type LoadControlPlane } from './control-plane.ts';

const STEPS = 5;
const CROWD = shared(5_000, 500);
/** Sequences that run one after the other, before the crowd is there and beside it. */
const LONE = 5;
const ALL = CROWD + 2 * LONE;
/** The limit of the Deployment (512Mi), in MB. */
const MEMORY_LIMIT_MB = 537;
/** Of heap that stays, for a finished sequence with its Jobs: generous, for the benchmarks measure it. */
const HEAP_KB_PER_SEQUENCE = 16;

/** What a sequence costs (as in test/integration/requests.test.ts). */
const WRITES = {
  'POST jobs 201': STEPS + 1, // with the dry run
  'PATCH sequentialjobs/status 200': STEPS + 1,
  'POST events 201': 2 * STEPS + 2,
} as const;
const REQUESTS = Object.values(WRITES).reduce((sum, count) => sum + count, 0);

/** After which a watch that brings nothing is taken for dead (shared/kube/reflector.ts). */
const SILENCE_S = 150;

/** Milliseconds for a step of a lone sequence, and how many of the crowd waited for a reconcile meanwhile. */
interface Beside {
  readonly ms: number;
  readonly waiting: number;
}

describe(`a controller with ${CROWD} sequences of ${STEPS} steps in one namespace and one at a time in another`, () => {
  let world: LoadControlPlane;
  let operator: MeteredOperator;
  let crowd: SequenceRunner;
  let lone: SequenceRunner;
  /** GETs, lists included, until the crowd was done. */
  let reads: number;
  /** How long the crowd took, in seconds. */
  let seconds: number;
  const alone: number[] = [];
  const beside: Beside[] = [];

  const sent = async (method: 'GET' | 'POST'): Promise<number> =>
    total(await operator.metrics(), 'rest_client_requests_total', { method });
  const waiting = async (): Promise<number> => total(await operator.metrics(), 'workqueue_depth');

  async function runBeside(name: string): Promise<Beside> {
    const before = await waiting();
    const ms = await lone.runOne(name);
    return { ms, waiting: Math.min(before, await waiting()) };
  }

  async function run(): Promise<void> {
    const readsAtStart = await sent('GET');
    for (let i = 0; i < LONE; i++) alone.push(await lone.runOne(`alone-${i}`));
    const begun = performance.now();
    const creating = crowd.createMany(CROWD);
    await eventually('a crowd that waits', async () => (await waiting()) > CROWD / 5, 120);
    for (let i = 0; i < LONE; i++) beside.push(await runBeside(`beside-${i}`));
    await creating;
    await crowd.untilCount(CROWD);
    seconds = (performance.now() - begun) / 1000;
    reads = (await sent('GET')) - readsAtStart;
    const posts = ALL * (WRITES['POST jobs 201'] + WRITES['POST events 201']);
    await eventually('the last event', async () => (await sent('POST')) >= posts, 120);
    const whole = (performance.now() - begun) / 1000;
    report(
      `${CROWD} sequences of ${STEPS} steps: ${seconds.toFixed(1)} s, ${((CROWD * STEPS) / seconds).toFixed(0)} steps/s; ` +
        `with all events ${whole.toFixed(1)} s, ${((CROWD * REQUESTS) / whole).toFixed(0)} requests/s`,
    );
  }

  beforeAll(async () => {
    world = await startLoadControlPlane();
    crowd = await SequenceRunner.create(world.connect(), 'crowd', STEPS);
    lone = await SequenceRunner.create(world.connect(), 'lone', STEPS);
    operator = await MeteredOperator.start('controller', [`--kubeconfig=${world.kubeconfig}`]);
    await run();
  }, 900_000);

  afterAll(async () => {
    await Promise.all([crowd.stop(), lone.stop()]);
    await operator.stop();
    await world.end();
  });

  it('completes all, each step with exactly one Job', async () => {
    expect([await crowd.verdict(), await lone.verdict()]).toEqual([
      { sequences: CROWD, jobs: CROWD * STEPS, notCompleted: 0, wrongSteps: 0 },
      { sequences: 2 * LONE, jobs: 2 * LONE * STEPS, notCompleted: 0, wrongSteps: 0 },
    ]);
  }, 120_000);

  it.each(Object.entries(WRITES))('asks for what a sequence costs, and no more: %s × %i', async (request, each) => {
    const [verb = '', path = '', code = ''] = request.split(' ');
    const [resource = '', subresource = ''] = path.split('/');
    const answered = await world.answered();
    const of = { verb, resource, subresource };
    expect({ [code]: answered({ ...of, code }), all: answered(of) }).toEqual({ [code]: ALL * each, all: ALL * each });
  });

  it('sends no GET or LIST after its start, except for a watch that fell silent', async () => {
    // There are no Pods here, and a server of 1.20 sends no bookmarks of what it has seen no event of: it is listed anew.
    expect(reads).toBeLessThanOrEqual(Math.floor(seconds / SILENCE_S));
  });

  it('loses no event', async () => {
    expect(total(await operator.metrics(), 'sequentialjob_events_dropped_total')).toBe(0);
    expect(operator.output).not.toContain('event dropped');
  });

  it('keeps its memory bounded', () => {
    const heaps = operator.samples.map(({ heapMb }) => heapMb);
    // What is left after a collection: the least of some seconds.
    const [first, last] = [Math.min(...heaps.slice(0, 20)), Math.min(...heaps.slice(-40))];
    report(
      `RSS ${operator.samples[0]?.rssMb.toFixed(0)} MB at the start, ${operator.peakRssMb.toFixed(0)} MB at most; ` +
        `heap ${first.toFixed(0)} MB at the start, ${last.toFixed(0)} MB at the end`,
    );
    expect(heaps.length).toBeGreaterThan(20);
    expect(operator.peakRssMb).toBeLessThan(MEMORY_LIMIT_MB);
    expect(last - first).toBeLessThan(20 + (CROWD * HEAP_KB_PER_SEQUENCE) / 1e3);
  });

  it('does not delay a sequence in another namespace', () => {
    const [times, waited] = [beside.map(({ ms }) => ms), beside.map((one) => one.waiting)];
    /** Everyone of the crowd once. */
    const round = (seconds * 1000) / STEPS;
    report(
      `a step of a lone sequence: ${percentile(alone, 0.5).toFixed(0)} ms; beside the crowd ` +
        `${times.map((ms) => ms.toFixed(0)).join(', ')} ms with ${waited.join(', ')} waiting; ` +
        `a round of the crowd: ${round.toFixed(0)} ms`,
    );
    // First come, first served, it would wait for nearly a round at each step. That the server is busy, it does feel.
    expect(Math.max(...times) / round).toBeLessThan(0.3);
    expect(percentile(times, 0.5) / percentile(alone, 0.5)).toBeLessThan(100);
    expect(Math.min(...waited)).toBeGreaterThan(0);
  });
});
