/** Throughput, latency and CPU of the webhook, beside a server that only parses and answers. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, BenchmarkOptions, Row } from './benchmark.ts';
import { inTurns } from './pairing.ts';
import { buildRelease } from './release.ts';
import { writeCertificate } from './webhook/certificates.ts';
import { rowsOf } from './webhook/figures.ts';
import { LoadGenerator } from './webhook/load.ts';
import { measureRound, type Case } from './webhook/measurement.ts';
import { QUESTIONS } from './webhook/reviews.ts';
import { startFloor, startWebhook, type Served } from './webhook/servers.ts';

const STEPS = [3, 100] as const;

interface Effort {
  readonly connections: readonly number[];
  readonly pairs: number;
  readonly roundMs: number;
  /** Before it is measured, of each server and case: V8 optimises what runs often. */
  readonly warmUpMs: number;
}

const FULL: Effort = { connections: [1, 16, 64], pairs: 8, roundMs: 800, warmUpMs: 1000 };
const SMOKE: Effort = { connections: [16], pairs: 1, roundMs: 80, warmUpMs: 0 };

const casesOf = ({ connections }: Effort): readonly Case[] =>
  QUESTIONS.flatMap((question) =>
    STEPS.flatMap((steps) => connections.map((connections) => ({ question, steps, connections }))),
  );

export const webhook: Benchmark = {
  name: 'webhook',
  title: 'Webhook: throughput and latency',
  about:
    'Reviews of new objects with about 1 KB for each container, over kept-alive TLS connections, each of which asks again ' +
    'as soon as it is answered. Ours is the release bundle with the Deployment’s options; the floor a bare `node:https` ' +
    'server of the same Node, options and certificate, which parses the body and answers a constant. Both are asked in ' +
    'turns of 0.8 s (A B B A …); a ratio is the median over neighbouring turns, with its extremes.',
  async run({ smoke, log }: BenchmarkOptions): Promise<readonly Row[]> {
    const effort = smoke ? SMOKE : FULL;
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
    const generator = new LoadGenerator();
    const started: Served[] = [];
    try {
      const release = await buildRelease(folder);
      const certificate = await writeCertificate(join(folder, 'certificate'));
      const ours = await startWebhook(release, certificate);
      started.push(ours);
      const floor = await startFloor(release, certificate);
      started.push(floor);
      const rows: Row[] = [];
      for (const one of casesOf(effort))
        rows.push(...(await measureCase(one, { generator, ours, floor, effort, log })));
      return rows;
    } finally {
      await generator.end();
      for (const { process } of started) await process.kill();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Bench {
  readonly generator: LoadGenerator;
  readonly ours: Served;
  readonly floor: Served;
  readonly effort: Effort;
  readonly log: (line: string) => void;
}

async function measureCase(one: Case, { generator, ours, floor, effort, log }: Bench): Promise<readonly Row[]> {
  const { pairs, roundMs, warmUpMs } = effort;
  for (const server of [ours, floor]) await measureRound(generator, server, one, warmUpMs);
  const measured = await inTurns(pairs, {
    ours: async () => measureRound(generator, ours, one, roundMs),
    floor: async () => measureRound(generator, floor, one, roundMs),
  });
  const rows = rowsOf(one, measured);
  for (const { what, ours, floor, ratio } of rows) log(`${what}: ${ours} beside ${floor}, ${ratio}`);
  return rows;
}
