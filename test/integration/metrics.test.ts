/** The metrics of a real controller: what it serves after it has run sequences on a real API server. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, kubeconfig } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { type Family, parseMetrics, valueOf } from '../support/metrics.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';

const client = connect();
let namespace: Namespace;
let operator: Operator;
let url: string;

beforeAll(async () => {
  namespace = await Namespace.create(client, 'metrics');
  operator = Operator.spawn([
    'run',
    '--role=controller',
    `--kubeconfig=${kubeconfig()}`,
    `--namespace=${namespace.name}`,
    '--metrics-port=0',
    '--workers=3',
    '--leader-elect',
    `--leader-election-namespace=${namespace.name}`,
  ]);
  await operator.untilSays('metrics started');
  url = `http://127.0.0.1:${/"port":(\d+),"msg":"metrics started"/.exec(operator.output)?.[1]}`;
  await operator.untilSays('controller started');
  await namespace.apply('good', sequence(3, { 0: 'sleep 1' }));
  await namespace.apply('bad', sequence(2, { 1: 'exit 3' }));
  await namespace.apply('late', sequence(1, {}, { suspend: true }));
  await namespace.untilFinished('good');
  await namespace.untilFinished('bad');
  await namespace.until('late', ({ status }) => status?.phase === 'Suspended');
  // We may see a status before its writer has the answer.
  await eventually('the last step is counted', async () => {
    const { failed, succeeded } = await values({
      failed: ['sequentialjob_steps_total', { result: 'failed' }],
      succeeded: ['sequentialjob_steps_total', { result: 'succeeded' }],
    });
    return failed + succeeded >= 5;
  });
});

afterAll(async () => {
  await namespace.remove();
  await Operator.endAll();
  await client.close();
});

const scrape = async (): Promise<ReadonlyMap<string, Family>> =>
  parseMetrics(await (await fetch(`${url}/metrics`)).text());

/** Of each of these series the value, once all is quiet. */
async function values<K extends string>(
  series: Readonly<Record<K, readonly [string, Readonly<Record<string, string>>?]>>,
): Promise<Record<K, number>> {
  const families = await scrape();
  const entries = Object.entries<readonly [string, Readonly<Record<string, string>>?]>(series);
  return Object.fromEntries(entries.map(([key, [name, labels]]) => [key, valueOf(families, name, labels)])) as Record<
    K,
    number
  >;
}

describe('after two sequences have run and a third waits', () => {
  it('each is counted in its phase, and 0 where there is none', async () => {
    // The cache hears of a status a moment after we do.
    await eventually('phases as in the API', async () => {
      const phases = await values({
        pending: ['sequentialjob_sequences', { phase: 'Pending' }],
        running: ['sequentialjob_sequences', { phase: 'Running' }],
        suspended: ['sequentialjob_sequences', { phase: 'Suspended' }],
        completed: ['sequentialjob_sequences', { phase: 'Completed' }],
        failed: ['sequentialjob_sequences', { phase: 'Failed' }],
      });
      expect(phases).toEqual({ pending: 0, running: 0, suspended: 1, completed: 1, failed: 1 });
      return true;
    });
  });

  it('each step is counted once, with the time that it took', async () => {
    const seen = await values({
      succeeded: ['sequentialjob_steps_total', { result: 'succeeded' }],
      failed: ['sequentialjob_steps_total', { result: 'failed' }],
      durations: ['sequentialjob_step_duration_seconds_count', { result: 'succeeded' }],
      seconds: ['sequentialjob_step_duration_seconds_sum', { result: 'succeeded' }],
    });
    expect(seen).toMatchObject({ succeeded: 4, failed: 1, durations: 4 });
    expect(seen.seconds).toBeGreaterThanOrEqual(1);
  });

  it('each hand-off is measured, and none is long', async () => {
    const { count, sum } = await values({
      count: ['sequentialjob_step_handoff_seconds_count'],
      sum: ['sequentialjob_step_handoff_seconds_sum'],
    });
    expect(count).toBe(3);
    expect(sum / count).toBeGreaterThan(0.0005);
    expect(sum / count).toBeLessThan(5);
  });

  it('reconciles and the queue are at rest, and agree with each other', async () => {
    // A late change of a Job or Pod may bring one more reconcile.
    await eventually('all is quiet', async () => {
      const seen = await values({
        depth: ['workqueue_depth'],
        active: ['controller_runtime_active_workers'],
        maximum: ['controller_runtime_max_concurrent_reconciles'],
        adds: ['workqueue_adds_total'],
        waits: ['workqueue_queue_duration_seconds_count'],
        works: ['workqueue_work_duration_seconds_count'],
        reconciles: ['controller_runtime_reconcile_time_seconds_count'],
        success: ['controller_runtime_reconcile_total', { result: 'success' }],
        requeue: ['controller_runtime_reconcile_total', { result: 'requeue' }],
        requeueAfter: ['controller_runtime_reconcile_total', { result: 'requeue_after' }],
        errors: ['controller_runtime_reconcile_errors_total'],
      });
      expect(seen).toMatchObject({ depth: 0, active: 0, maximum: 3, errors: 0 });
      expect(seen.adds).toBeGreaterThanOrEqual(3 + 5);
      expect([seen.waits, seen.works, seen.reconciles]).toEqual([seen.adds, seen.adds, seen.adds]);
      expect(seen.success + seen.requeue + seen.requeueAfter).toBe(seen.reconciles);
      return true;
    });
  });

  it('every request is counted, by what it was', async () => {
    const seen = await values({
      created: ['rest_client_request_duration_seconds_count', { verb: 'POST' }],
      watches: ['rest_client_requests_total', { method: 'WATCH', code: '200' }],
      patches: ['rest_client_requests_total', { method: 'PATCH', code: '200' }],
    });
    // 5 Jobs, 1 Lease, and the Events.
    expect(seen.created).toBeGreaterThanOrEqual(5 + 1 + 5);
    expect(seen.watches).toBeGreaterThanOrEqual(3);
    expect(seen.patches).toBeGreaterThanOrEqual(5);
    const hosts = (await scrape()).get('rest_client_requests_total')?.samples.map(({ labels }) => labels['host']);
    expect(new Set(hosts).size).toBe(1);
    expect(hosts?.[0]).toMatch(/^[\w.]+:\d+$/);
  });

  it('leads, and has lost nothing', async () => {
    const seen = await values({
      leads: ['leader_election_master_status', { name: 'sequentialjob-controller' }],
      events: ['sequentialjob_events_dropped_total'],
    });
    expect(seen).toEqual({ leads: 1, events: 0 });
  });

  it('is alive and ready', async () => {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([200, 'ok\n']);
  });

  it('no label has a name of a user’s', async () => {
    const samples = [...(await scrape()).values()].flatMap((family) => family.samples);
    const found = new Set(samples.flatMap(({ labels }) => Object.values(labels)));
    expect([namespace.name, 'good', 'bad', 'late', 's0'].filter((name) => found.has(name))).toEqual([]);
  });
});

it('lines about a sequence name it', () => {
  const lines = operator.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly sequentialJob?: string; readonly reason?: string });
  const reasons = lines.filter(({ sequentialJob }) => sequentialJob === `${namespace.name}/good`);
  expect(reasons.map(({ reason }) => reason)).toContain('SequenceCompleted');
  expect(lines.filter(({ reason, sequentialJob }) => reason !== undefined && sequentialJob === undefined)).toEqual([]);
});
