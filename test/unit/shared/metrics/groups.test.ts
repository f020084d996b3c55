/** What each group of metrics serves for what it is told. */
import { describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { ClientMetrics } from '../../../../shared/metrics/client.ts';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import { LeaderMetrics } from '../../../../controller/metrics/leader.ts';
import { QueueMetrics } from '../../../../controller/metrics/queue.ts';
import { createRegistry } from '../../../../shared/metrics/registry.ts';
import { SequenceMetrics } from '../../../../controller/metrics/sequences.ts';
import { WebhookMetrics } from '../../../../webhook/metrics.ts';
import { VERSION } from '../../../../shared/version.ts';
import { parseMetrics, valueOf } from '../../../support/metrics.ts';

type Told = (registry: Registry) => void;
type Seen = readonly [string, Readonly<Record<string, string>>, number];

const QUEUE = { name: 'sequentialjob', controller: 'sequentialjob' };
const HOST = 'api.example.com:6443';

const client =
  (server: string, ...seen: readonly (readonly [string, number | undefined])[]): Told =>
  (registry) => {
    const observe = new ClientMetrics(registry).observer(server);
    for (const [method, status] of seen) observe({ method, status, path: '/apis/x/namespaces/secret', ms: 250 });
  };

const reviews =
  (tell: (metrics: WebhookMetrics) => void): Told =>
  (registry) =>
    tell(new WebhookMetrics(registry, ['/a', '/b']));
const leads = (value: number): readonly Seen[] => [['leader_election_master_status', { name: 'lease' }, value]];

describe('metrics', () => {
  it.each<readonly [string, Told, readonly Seen[]]>([
    [
      'requests by status, method and host',
      client(`https://${HOST}/below/a/path`, ['GET', 200], ['GET', 200], ['POST', 409]),
      [
        ['rest_client_requests_total', { code: '200', method: 'GET', host: HOST }, 2],
        ['rest_client_requests_total', { code: '409', method: 'POST', host: HOST }, 1],
        ['rest_client_request_duration_seconds_sum', { verb: 'GET', host: HOST }, 0.5],
        ['rest_client_request_duration_seconds_bucket', { verb: 'GET', host: HOST, le: '0.1' }, 0],
        ['rest_client_request_duration_seconds_bucket', { verb: 'GET', host: HOST, le: '0.25' }, 2],
      ],
    ],
    [
      'a request without a response has the code <error>',
      client(`https://${HOST}`, ['PATCH', undefined]),
      [['rest_client_requests_total', { code: '<error>', method: 'PATCH' }, 1]],
    ],
    ['the leader metric is 0 at first', (registry) => void new LeaderMetrics(registry).follow('lease'), leads(0)],
    [
      'the leader metric is 1 for the leader',
      (registry) => new LeaderMetrics(registry).follow('lease')(true),
      leads(1),
    ],
    [
      'the leader metric is 0 after the leadership has ended',
      (registry) => [true, false].forEach(new LeaderMetrics(registry).follow('lease')),
      leads(0),
    ],
    [
      'the work queue',
      (registry) => {
        const queue = new QueueMetrics(registry).of('sequentialjob');
        queue.follow(() => ({ depth: 3, inProgressMs: [500, 1500] }));
        queue.added();
        queue.added();
        queue.addedLater();
        queue.taken(20);
        queue.done(2000);
      },
      [
        ['workqueue_depth', QUEUE, 3],
        ['workqueue_unfinished_work_seconds', QUEUE, 2],
        ['workqueue_longest_running_processor_seconds', QUEUE, 1.5],
        ['workqueue_adds_total', QUEUE, 2],
        ['workqueue_retries_total', QUEUE, 1],
        ['workqueue_queue_duration_seconds_sum', QUEUE, 0.02],
        ['workqueue_work_duration_seconds_sum', QUEUE, 2],
      ],
    ],
    [
      'sequences by phase, 0 for phases with none',
      (registry) => new SequenceMetrics(registry).follow(() => ['Failed', 'Running', 'Failed']),
      [
        ['sequentialjob_sequences', { phase: 'Pending' }, 0],
        ['sequentialjob_sequences', { phase: 'Running' }, 1],
        ['sequentialjob_sequences', { phase: 'Suspended' }, 0],
        ['sequentialjob_sequences', { phase: 'Completed' }, 0],
        ['sequentialjob_sequences', { phase: 'Failed' }, 2],
      ],
    ],
    [
      'the bytes of cached specs, and the number of fetched specs',
      (registry) => {
        const sequences = new SequenceMetrics(registry);
        sequences.followSpecBytes(() => 4096);
        sequences.specFetched();
      },
      [
        ['sequentialjob_specs_held_bytes', {}, 4096],
        ['sequentialjob_specs_fetched_total', {}, 1],
      ],
    ],
    [
      'all results of all webhooks start at 0',
      reviews(() => undefined),
      ['/a', '/b'].flatMap((webhook): readonly Seen[] => [
        ['sequentialjob_webhook_verdicts_total', { webhook, verdict: 'allowed' }, 0],
        ['sequentialjob_webhook_verdicts_total', { webhook, verdict: 'patched' }, 0],
        ['sequentialjob_webhook_verdicts_total', { webhook, verdict: 'denied' }, 0],
        ['sequentialjob_webhook_verdicts_total', { webhook, verdict: 'errored' }, 0],
        ['controller_runtime_webhook_requests_total', { webhook, code: '200' }, 0],
        ['controller_runtime_webhook_requests_total', { webhook, code: '500' }, 0],
        ['controller_runtime_webhook_requests_in_flight', { webhook }, 0],
        ['controller_runtime_webhook_latency_seconds_count', { webhook }, 0],
      ]),
    ],
    [
      'reviews',
      reviews((metrics) => {
        metrics.requestStarted('/a');
        metrics.requestStarted('/a');
        metrics.reviewed('/a', 'denied');
        metrics.requestEnded('/a', 200, 4);
        metrics.converted('failure');
        metrics.certificateServed(1_800_000_000_000);
      }),
      [
        ['sequentialjob_webhook_conversions_total', { result: 'success' }, 0],
        ['sequentialjob_webhook_conversions_total', { result: 'failure' }, 1],
        ['controller_runtime_webhook_requests_in_flight', { webhook: '/a' }, 1],
        ['controller_runtime_webhook_requests_total', { webhook: '/a', code: '200' }, 1],
        ['controller_runtime_webhook_latency_seconds_sum', { webhook: '/a' }, 0.004],
        ['sequentialjob_webhook_verdicts_total', { webhook: '/a', verdict: 'denied' }, 1],
        ['sequentialjob_webhook_certificate_expiry_timestamp_seconds', {}, 1_800_000_000],
      ],
    ],
  ])('%s', async (_says, tell, seen) => {
    const registry = new Registry();
    tell(registry);
    const families = parseMetrics(await registry.metrics());
    expect(seen.map(([name, labels]) => [name, labels, valueOf(families, name, labels)])).toEqual(seen);
  });

  it('the version of the program', async () => {
    const families = parseMetrics(await createRegistry().metrics());
    expect(valueOf(families, 'sequentialjob_build_info', { version: VERSION })).toBe(1);
  });

  it('there are no sequence counts until the caches are synced', async () => {
    const registry = new Registry();
    let known = false;
    new SequenceMetrics(registry).follow(() => (known ? ['Running'] : undefined));
    const samples = async (): Promise<number | undefined> =>
      parseMetrics(await registry.metrics()).get('sequentialjob_sequences')?.samples.length;
    expect(await samples()).toBe(0);
    known = true;
    expect(await samples()).toBe(6);
    known = false;
    expect(await samples()).toBe(0);
  });

  it('there is no leader metric without leader election', async () => {
    const registry = new Registry();
    const { leader } = new ControllerMetrics(registry);
    expect(leader).toBeDefined();
    expect(parseMetrics(await registry.metrics()).get('leader_election_master_status')?.samples).toEqual([]);
  });
});
