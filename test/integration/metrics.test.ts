/** The metrics and the log of a real controller after it has run sequences on a real API server. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { type Family, valueOf } from '../support/metrics.ts';
import { sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const flags = ['--metrics-port=0', '--workers=3', '--leader-elect', '--leader-election-namespace=default'];
const here = withController('metrics', { flags });
const { namespace } = here;

type Series = readonly [name: string, labels?: Readonly<Record<string, string>>];

/** The value of each of these series. */
async function values<K extends string>(series: Readonly<Record<K, Series>>): Promise<Record<K, number>> {
  const families = await here.operator.metrics();
  const entries = Object.entries<Series>(series).map(([key, one]) => [key, valueOf(families, ...one)] as const);
  return Object.fromEntries(entries) as Record<K, number>;
}

const STEPS = {
  succeeded: ['sequentialjob_steps_total', { result: 'succeeded' }],
  failed: ['sequentialjob_steps_total', { result: 'failed' }],
  durations: ['sequentialjob_step_duration_seconds_count', { result: 'succeeded' }],
  seconds: ['sequentialjob_step_duration_seconds_sum', { result: 'succeeded' }],
} as const;

beforeAll(async () => {
  await namespace.apply('good', sequence(3, { 0: 'sleep 1' }));
  await namespace.apply('bad', sequence(2, { 1: 'exit 3' }));
  await namespace.apply('late', sequence(1, {}, { suspend: true }));
  await namespace.untilFinished('good');
  await namespace.untilFinished('bad');
  await namespace.untilPhase('late', 'Suspended');
  // We may see a status before its writer has the answer.
  await eventually('the last step in the metrics', async () => {
    const { failed, succeeded } = await values(STEPS);
    return failed + succeeded >= 5;
  });
});

const OF_SEQUENCES = { controller: 'sequentialjob' };

describe('after two sequences have run and a third is suspended', () => {
  it('each sequence is counted in its phase', async () => {
    const phases = ['Pending', 'Running', 'Suspended', 'Completed', 'Failed'];
    const series = phases.map((phase) => [phase, ['sequentialjob_sequences', { phase }]] as const);
    // The cache gets a status a moment after we do.
    await eventually('phases as in the API', async () => {
      const expected = { Pending: 0, Running: 0, Suspended: 1, Completed: 1, Failed: 1 };
      expect(await values(Object.fromEntries(series))).toEqual(expected);
      return true;
    });
  });

  it('each step is counted once, with its duration', async () => {
    const seen = await values(STEPS);
    expect(seen).toMatchObject({ succeeded: 4, failed: 1, durations: 4 });
    expect(seen.seconds).toBeGreaterThanOrEqual(1);
  });

  it('the latency between steps is measured, and never long', async () => {
    const { count, sum } = await values({
      count: ['sequentialjob_step_handoff_seconds_count'],
      sum: ['sequentialjob_step_handoff_seconds_sum'],
    });
    expect(count).toBe(3);
    expect(sum / count).toBeGreaterThan(0.0005);
    expect(sum / count).toBeLessThan(5);
  });

  it('the reconciles and the queue are idle, and their metrics are consistent', async () => {
    // A late change of a Job or Pod may cause one more reconcile.
    await eventually('all is idle', async () => {
      const seen = await values({
        depth: ['workqueue_depth', OF_SEQUENCES],
        active: ['controller_runtime_active_workers', OF_SEQUENCES],
        maximum: ['controller_runtime_max_concurrent_reconciles', OF_SEQUENCES],
        adds: ['workqueue_adds_total', OF_SEQUENCES],
        waits: ['workqueue_queue_duration_seconds_count', OF_SEQUENCES],
        works: ['workqueue_work_duration_seconds_count', OF_SEQUENCES],
        reconciles: ['controller_runtime_reconcile_time_seconds_count', OF_SEQUENCES],
        success: ['controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'success' }],
        requeue: ['controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'requeue' }],
        requeueAfter: ['controller_runtime_reconcile_total', { ...OF_SEQUENCES, result: 'requeue_after' }],
        errors: ['controller_runtime_reconcile_errors_total', OF_SEQUENCES],
      });
      expect(seen).toMatchObject({ depth: 0, active: 0, maximum: 3, errors: 0 });
      expect(seen.adds).toBeGreaterThanOrEqual(3 + 5);
      expect([seen.waits, seen.works, seen.reconciles]).toEqual([seen.adds, seen.adds, seen.adds]);
      expect(seen.success + seen.requeue + seen.requeueAfter).toBe(seen.reconciles);
      return true;
    });
  });

  it('every request is counted, by verb, code and host', async () => {
    const seen = await values({
      created: ['rest_client_request_duration_seconds_count', { verb: 'POST' }],
      watches: ['rest_client_requests_total', { method: 'WATCH', code: '200' }],
      patches: ['rest_client_requests_total', { method: 'PATCH', code: '200' }],
    });
    // 5 Jobs, 1 Lease, and the Events.
    expect(seen.created).toBeGreaterThanOrEqual(5 + 1 + 5);
    expect(seen.watches).toBeGreaterThanOrEqual(3);
    expect(seen.patches).toBeGreaterThanOrEqual(5);
    const requests = (await here.operator.metrics()).get('rest_client_requests_total');
    const hosts = new Set(requests?.samples.map(({ labels }) => labels['host']));
    expect([...hosts]).toEqual([expect.stringMatching(/^[\w.]+:\d+$/)]);
  });

  it('the controller is the leader, has dropped no Event, and is alive and ready', async () => {
    const seen = await values({
      leads: ['leader_election_master_status', { name: 'sequentialjob-controller' }],
      dropped: ['sequentialjob_events_dropped_total'],
    });
    expect(seen).toEqual({ leads: 1, dropped: 0 });
    for (const path of ['healthz', 'readyz']) {
      expect((await fetch(`http://127.0.0.1:${here.operator.port('metrics')}/${path}`)).status).toBe(200);
    }
  });

  it('no label has a value that a user sets', async () => {
    const families: readonly Family[] = [...(await here.operator.metrics()).values()];
    const found = new Set(families.flatMap(({ samples }) => samples).flatMap(({ labels }) => Object.values(labels)));
    expect([namespace.name, 'good', 'bad', 'late', 's0'].filter((name) => found.has(name))).toEqual([]);
  });

  it('log lines about a sequence name it', () => {
    const lines = here.operator.output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { readonly sequentialJob?: string; readonly reason?: string });
    const good = lines.filter(({ sequentialJob }) => sequentialJob === `${namespace.name}/good`);
    expect(good.map(({ reason }) => reason)).toContain('SequenceCompleted');
    expect(lines.filter((line) => line.reason !== undefined && line.sequentialJob === undefined)).toEqual([]);
  });
});
