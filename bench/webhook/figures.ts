/** The rows of a case. */
import type { Row } from '../benchmark.ts';
import { compare, formatRatio, type Pair } from '../pairing.ts';
import type { Case, Measurement } from './measurement.ts';
import type { Question } from './reviews.ts';

/** Issue 7: the least share of the floor's throughput, and the most of its 99th percentile. */
const LEAST_THROUGHPUT: Readonly<Record<Question, number>> = { validate: 0.85, mutate: 0.75 };
const MOST_P99 = 1.5;

/** Of a processor: a server that uses less was not asked as fast as it could have answered. */
const BUSY = 0.85;

/** Throughput, latency and processor time of one case, ours beside the floor. */
export function rowsOf({ question, steps, connections }: Case, pairs: readonly Pair<Measurement>[]): readonly Row[] {
  const where = `${question}, ${steps} containers, ${connections} ${connections === 1 ? 'connection' : 'connections'}`;
  const throughput = compare(pairs, ({ reviewsPerSecond }) => reviewsPerSecond);
  const p50 = compare(pairs, ({ p50Ms }) => p50Ms);
  const p99 = compare(pairs, ({ p99Ms }) => p99Ms);
  const cpu = compare(pairs, ({ cpuMicros }) => cpuMicros);
  const load = compare(pairs, ({ serverLoad }) => serverLoad);
  const isShort = connections > 1 && Math.min(load.ours, load.floor) < BUSY;
  const least = LEAST_THROUGHPUT[question];
  return [
    {
      what: `${where}: throughput${isShort ? ' (a server was not busy: compare CPU)' : ''}`,
      ours: `${Math.round(throughput.ours)}/s`,
      floor: `${Math.round(throughput.floor)}/s`,
      ratio: formatRatio(throughput),
      reach: `≥ ${least}`,
      reached: throughput.ratio >= least,
    },
    {
      what: `${where}: p50, p99`,
      ours: `${p50.ours.toFixed(2)}, ${p99.ours.toFixed(2)} ms`,
      floor: `${p50.floor.toFixed(2)}, ${p99.floor.toFixed(2)} ms`,
      ratio: `p99: ${formatRatio(p99)}`,
      reach: `≤ ${MOST_P99}`,
      reached: p99.ratio <= MOST_P99,
    },
    {
      what: `${where}: CPU per review`,
      ours: `${Math.round(cpu.ours)} µs`,
      floor: `${Math.round(cpu.floor)} µs`,
      ratio: formatRatio(cpu),
    },
  ];
}
