/** Measures one round of reviews to one server. */
import { percentile } from '../percentiles.ts';
import type { LoadGenerator } from './load.ts';
import type { Webhook } from './reviews.ts';
import type { MeasuredServer } from './servers.ts';

/** The kind and size of the reviews, and the number of concurrent clients. */
export interface Case {
  readonly webhook: Webhook;
  readonly steps: number;
  readonly connections: number;
}

export interface Measurement {
  readonly reviewsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of all the server's threads per review. */
  readonly cpuMicros: number;
  /** CPUs that the server used. If it is well below 1, the server was not the bottleneck. */
  readonly serverLoad: number;
}

export async function measureRound(
  generator: LoadGenerator,
  { process, port }: MeasuredServer,
  { webhook, steps, connections }: Case,
  ms: number,
): Promise<Measurement> {
  const before = await process.cpuMs();
  const round = await generator.round({ port, webhook, steps, connections, ms });
  const cpuMs = (await process.cpuMs()) - before;
  const reviews = round.times.length;
  return {
    reviewsPerSecond: (reviews / round.ms) * 1000,
    p50Ms: percentile(round.times, 0.5),
    p99Ms: percentile(round.times, 0.99),
    cpuMicros: (cpuMs / reviews) * 1000,
    serverLoad: cpuMs / round.ms,
  };
}
