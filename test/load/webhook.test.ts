/** The webhook at saturation: clients that ask again as soon as they are answered, for minutes. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { median, percentile } from '../../bench/percentiles.ts';
import { writeCertificate } from '../../bench/webhook/certificates.ts';
import { LoadGenerator } from '../../bench/webhook/load.ts';
import { WEBHOOKS } from '../../bench/webhook/reviews.ts';
import { SHARE, shared } from '../support/share.ts';
import { MeteredOperator, type Sample } from '../support/metered-operator.ts';
import { total } from '../support/metrics.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { report } from './report.ts';

const SECONDS = shared(300, 20);
/** Each is asked about by a process of its own, at the same time. */
const CONTAINERS = [3, 100] as const;
/** Of each of these processes. */
const CONNECTIONS = 16;
const ROUND_MS = 1_000;
/** The API server asks no longer (timeoutSeconds in config/webhook). */
const LIMIT_MS = 5_000;

/** A process of a few seconds still grows to its working size: of its RSS only the whole run can ask that it is flat. */
const RSS_SLACK_MB = SHARE === 1 ? 20 : 150;

/** Milliseconds of each answer, by what was asked. */
const times = new Map<string, number[]>();
const folder = temporaryFolder();
let webhook: MeteredOperator;
let generators: readonly LoadGenerator[];
let began: number;

/** Asks in turns to validate and to mutate; rejects where an answer is not what it should be, or a connection is lost. */
async function saturate(generator: LoadGenerator, steps: number): Promise<void> {
  const end = performance.now() + SECONDS * 1000;
  const port = webhook.webhookPort;
  while (performance.now() < end) {
    for (const webhook of WEBHOOKS) {
      const round = await generator.round({ port, webhook, steps, connections: CONNECTIONS, ms: ROUND_MS });
      const what = `${webhook}, ${steps} containers`;
      const known = times.get(what) ?? [];
      for (const ms of round.times) known.push(ms);
      times.set(what, known);
    }
  }
}

/** One of five equal parts of the samples since the beginning. */
function fifth(which: 2 | 5): readonly Sample[] {
  const samples = webhook.samples.filter(({ ms }) => ms >= began);
  return samples.slice(Math.floor(((which - 1) * samples.length) / 5), Math.floor((which * samples.length) / 5));
}

/** Of the heap what a collection has left, which is the least. */
const leastHeap = (samples: readonly Sample[]): number => Math.min(...samples.map(({ heapMb }) => heapMb));
const usualRss = (samples: readonly Sample[]): number => median(samples.map(({ rssMb }) => rssMb));

beforeAll(
  async () => {
    await writeCertificate(folder);
    webhook = await MeteredOperator.start('webhook', [
      '--webhook-host=127.0.0.1',
      '--webhook-port=0',
      `--cert-dir=${folder}`,
      '--log-level=info',
    ]);
    const pairs = CONTAINERS.map((steps) => [new LoadGenerator(), steps] as const);
    generators = pairs.map(([generator]) => generator);
    began = performance.now();
    await Promise.all(pairs.map((pair) => saturate(...pair)));
  },
  SECONDS * 1000 + 60_000,
);

afterAll(async () => {
  await Promise.all(generators.map((generator) => generator.end()));
  await webhook.stop();
});

it('answers every review with the expected verdict, well before the API server’s timeout', () => {
  expect(times.size).toBe(CONTAINERS.length * WEBHOOKS.length);
  for (const [what, ms] of times) {
    const [p50, p99, max] = [percentile(ms, 0.5), percentile(ms, 0.99), percentile(ms, 1)];
    report(`${what}: ${ms.length} reviews, p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, max ${max.toFixed(0)} ms`);
    expect(max).toBeLessThan(LIMIT_MS);
  }
});

it('counts no error, and exactly the reviews that were sent', async () => {
  const families = await webhook.metrics();
  const asked = [...times.values()].reduce((sum, { length }) => sum + length, 0);
  report(`${asked} reviews in ${SECONDS} s, ${(asked / SECONDS).toFixed(0)}/s`);
  const requests = 'controller_runtime_webhook_requests_total';
  expect({
    all: total(families, requests),
    good: total(families, requests, { code: '200' }),
    errored: total(families, 'sequentialjob_webhook_verdicts_total', { verdict: 'errored' }),
    denied: total(families, 'sequentialjob_webhook_verdicts_total', { verdict: 'denied' }),
  }).toEqual({ all: asked, good: asked, errored: 0, denied: 0 });
});

it('does not grow in memory: the last fifth of the run uses as much as the second', () => {
  const [early, late] = [fifth(2), fifth(5)];
  const [rss, heap] = [[usualRss(early), usualRss(late)] as const, [leastHeap(early), leastHeap(late)] as const];
  const say = ([from, to]: readonly [number, number]): string => `${from.toFixed(0)} → ${to.toFixed(0)} MB`;
  report(`RSS ${say(rss)}, heap after collections ${say(heap)}, RSS at most ${webhook.peakRssMb.toFixed(0)} MB`);
  expect(Math.min(early.length, late.length)).toBeGreaterThan(3);
  expect(rss[1]).toBeLessThan(rss[0] * 1.1 + RSS_SLACK_MB);
  expect(heap[1]).toBeLessThan(heap[0] * 1.1 + 5);
});

it('exits with 0 after it has answered all requests', async () => {
  await Promise.all(generators.map((generator) => generator.end()));
  expect(await webhook.stop()).toBe(0);
});
