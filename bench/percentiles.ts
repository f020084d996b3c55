/** Percentiles of samples. */

/** The percentile `p` (0 … 1) of the samples, by nearest rank. Throws if there are no samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = Float64Array.from(samples).sort();
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
  if (value === undefined) throw new Error('there are no samples');
  return value;
}

/** The median; for an even number of samples the mean of the middle two. */
export function median(samples: readonly number[]): number {
  const half = samples.length / 2;
  return (percentile(samples, 0.5) + percentile(samples, (Math.floor(half) + 1) / samples.length)) / 2;
}
