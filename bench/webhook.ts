/** Throughput, latency and CPU of the webhook, compared with a server that only parses the body and answers. */
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { alternate } from './comparison.ts';
import { rowsOf } from './webhook/rows.ts';
import { LoadGenerator } from './webhook/load.ts';
import { measureRound, type Case } from './webhook/measurement.ts';
import { WEBHOOKS } from './webhook/reviews.ts';
import { type ComparedServers, withServers } from './webhook/servers.ts';

const STEPS = [3, 100] as const;

interface Effort {
  readonly connections: readonly number[];
  readonly pairs: number;
  readonly roundMs: number;
  /** Warm-up of each server and case, so that V8 has optimized the code before the measurement. */
  readonly warmUpMs: number;
}

const FULL: Effort = { connections: [1, 16, 64], pairs: 8, roundMs: 800, warmUpMs: 1000 };
const SMOKE: Effort = { connections: [16], pairs: 1, roundMs: 80, warmUpMs: 0 };

const casesOf = ({ connections }: Effort): readonly Case[] =>
  WEBHOOKS.flatMap((webhook) =>
    STEPS.flatMap((steps) => connections.map((connections) => ({ webhook, steps, connections }))),
  );

export const webhook: Benchmark = {
  name: 'webhook',
  title: 'Webhook: throughput and latency',
  description:
    'Reviews of new objects with about 1 KB per container, over keep-alive TLS connections. Each connection sends the next ' +
    'review as soon as the last one is answered. Ours is the release bundle with the Deployment’s options. The baseline is a ' +
    'plain `node:https` server with the same Node, options and certificate, which parses the body and returns a constant ' +
    'answer. Both are measured alternately for 0.8 s (A B B A …); a ratio is the median over neighboring measurements, with ' +
    'the extremes in parentheses.',
  run: async (options) => withServers(async (servers) => measureAll(servers, options)),
};

async function measureAll({ ours, baseline }: ComparedServers, { smoke, log }: BenchmarkOptions): Promise<Row[]> {
  const effort = smoke ? SMOKE : FULL;
  const generator = new LoadGenerator();
  try {
    const rows: Row[] = [];
    for (const one of casesOf(effort))
      rows.push(...(await measureCase(one, { generator, ours, baseline, effort, log })));
    return rows;
  } finally {
    await generator.end();
  }
}

interface CaseContext extends ComparedServers {
  readonly generator: LoadGenerator;
  readonly effort: Effort;
  readonly log: (line: string) => void;
}

async function measureCase(
  one: Case,
  { generator, ours, baseline, effort, log }: CaseContext,
): Promise<readonly Row[]> {
  const { pairs, roundMs, warmUpMs } = effort;
  for (const server of [ours, baseline]) await measureRound(generator, server, one, warmUpMs);
  const measured = await alternate(pairs, {
    ours: async () => measureRound(generator, ours, one, roundMs),
    baseline: async () => measureRound(generator, baseline, one, roundMs),
  });
  const rows = rowsOf(one, measured);
  for (const { label, ours, baseline, ratio } of rows) log(`${label}: ${ours}, baseline ${baseline}, ${ratio}`);
  return rows;
}
