/** The rate of requests stays within --kube-api-qps and --kube-api-burst, and comes near to it. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { shared } from '../support/share.ts';
import { MeteredOperator, type Sample } from '../support/metered-operator.ts';
import { total } from '../support/metrics.ts';
import { report } from './report.ts';
import { SequenceRunner } from './sequence-runner.ts';
import { startLoadControlPlane, type LoadControlPlane } from './control-plane.ts';

const QPS = 50;
const BURST = 20;
const STEPS = 5;
const SEQUENCES = shared(200, 20);
const EVENTS = SEQUENCES * (2 * STEPS + 2);
/** Requests are counted when they are answered: so many may be on their way when the clock is read (16 workers, 32 events). */
const ON_THEIR_WAY = 48;

let world: LoadControlPlane;
let operator: MeteredOperator;
let runner: SequenceRunner;

beforeAll(async () => {
  world = await startLoadControlPlane();
  runner = await SequenceRunner.create(world.connect(), 'rate', STEPS);
  const flags = [`--kubeconfig=${world.kubeconfig}`, `--kube-api-qps=${QPS}`, `--kube-api-burst=${BURST}`];
  operator = await MeteredOperator.start('controller', flags);
  await runner.createMany(SEQUENCES);
  await runner.untilCount(SEQUENCES);
  await eventually(
    'the last event',
    async () =>
      total(await operator.metrics(), 'rest_client_requests_total', { method: 'POST', code: '201' }) >=
      EVENTS + SEQUENCES * STEPS,
  );
}, 300_000);

afterAll(async () => {
  await runner.stop();
  await operator.stop();
  await world.end();
});

/** By how much the requests from one sample to any later one exceed what the limit allows. */
function excess(samples: readonly Sample[], from: Sample): number {
  const allowed = ({ ms }: Sample): number => BURST + ((ms - from.ms) / 1000) * QPS + ON_THEIR_WAY;
  return Math.max(...samples.filter(({ ms }) => ms > from.ms).map((to) => to.requests - from.requests - allowed(to)));
}

it('sends in no interval more requests than the limit allows', () => {
  const { samples } = operator;
  expect(Math.max(...samples.slice(0, -1).map((from) => excess(samples, from)))).toBeLessThanOrEqual(0);
  expect(samples.length).toBeGreaterThan(10);
});

it('uses the limit while requests are waiting', () => {
  const all = Math.max(...operator.samples.map(({ requests }) => requests));
  const busy = operator.samples.filter(({ requests }) => requests > all * 0.1 && requests < all * 0.8);
  const [first, last] = [busy.at(0), busy.at(-1)];
  if (first === undefined || last === undefined) throw new Error('no samples');
  const rate = ((last.requests - first.requests) * 1000) / (last.ms - first.ms);
  report(`with --kube-api-qps=${QPS}: ${rate.toFixed(1)} requests/s, ${SEQUENCES} sequences of ${STEPS} steps`);
  expect(rate).toBeGreaterThan(QPS * 0.8);
});

it('all complete, and no event is lost', async () => {
  expect(await runner.verdict()).toEqual({
    sequences: SEQUENCES,
    jobs: SEQUENCES * STEPS,
    notCompleted: 0,
    wrongSteps: 0,
  });
  expect(total(await operator.metrics(), 'sequentialjob_events_dropped_total')).toBe(0);
});
