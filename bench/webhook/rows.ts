/** The table rows of a case. */
import type { Row } from '../benchmark.ts';
import { compare, formatRatio, type Pair } from '../comparison.ts';
import type { Case, Measurement } from './measurement.ts';
import type { Webhook } from './reviews.ts';

/** Targets relative to the baseline: minimum throughput, maximum 99th percentile. */
const MIN_THROUGHPUT: Readonly<Record<Webhook, number>> = { validate: 0.85, mutate: 0.75 };
const MAX_P99 = 1.5;

/** CPU load of a saturated server. With a lower load the load generator was the limit, so throughput means little. */
const BUSY_LOAD = 0.85;

/** Throughput, latency and CPU time of one case, ours and the baseline's. */
export function rowsOf({ webhook, steps, connections }: Case, pairs: readonly Pair<Measurement>[]): readonly Row[] {
  const where = `${webhook}, ${steps} containers, ${connections} ${connections === 1 ? 'connection' : 'connections'}`;
  const throughput = compare(pairs, ({ reviewsPerSecond }) => reviewsPerSecond);
  const p50 = compare(pairs, ({ p50Ms }) => p50Ms);
  const p99 = compare(pairs, ({ p99Ms }) => p99Ms);
  const cpu = compare(pairs, ({ cpuMicros }) => cpuMicros);
  const load = compare(pairs, ({ serverLoad }) => serverLoad);
  const notSaturated = connections > 1 && Math.min(load.ours, load.baseline) < BUSY_LOAD;
  const minThroughput = MIN_THROUGHPUT[webhook];
  return [
    {
      label: `${where}: throughput${notSaturated ? ' (a server was not saturated: compare CPU)' : ''}`,
      ours: `${Math.round(throughput.ours)}/s`,
      baseline: `${Math.round(throughput.baseline)}/s`,
      ratio: formatRatio(throughput),
      target: `≥ ${minThroughput}`,
      targetMet: throughput.ratio >= minThroughput,
    },
    {
      label: `${where}: p50, p99`,
      ours: `${p50.ours.toFixed(2)}, ${p99.ours.toFixed(2)} ms`,
      baseline: `${p50.baseline.toFixed(2)}, ${p99.baseline.toFixed(2)} ms`,
      ratio: `p99: ${formatRatio(p99)}`,
      target: `≤ ${MAX_P99}`,
      targetMet: p99.ratio <= MAX_P99,
    },
    {
      label: `${where}: CPU per review`,
      ours: `${Math.round(cpu.ours)} µs`,
      baseline: `${Math.round(cpu.baseline)} µs`,
      ratio: formatRatio(cpu),
    },
  ];
}
