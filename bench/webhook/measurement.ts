/** One round of reviews to one server, and what it cost. */
import { percentile } from '../percentiles.ts';
import type { LoadGenerator } from './load.ts';
import type { Question } from './reviews.ts';
import type { Served } from './servers.ts';

/** What is asked, and by how many at once. */
export interface Case {
  readonly question: Question;
  readonly steps: number;
  readonly connections: number;
}

export interface Measurement {
  readonly reviewsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The server's processor time, all threads. */
  readonly cpuMicros: number;
  /** How much of a processor the server used: where that is well below 1, something else was the limit. */
  readonly serverLoad: number;
}

export async function measureRound(
  generator: LoadGenerator,
  { process, port }: Served,
  { question, steps, connections }: Case,
  ms: number,
): Promise<Measurement> {
  const before = await process.cpuMs();
  const round = await generator.round({ port, question, steps, connections, ms });
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
