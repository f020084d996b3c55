/** Figures from samples. */

/** The value below which the share `p` (0 … 1) of the samples lies, by the nearest rank. Throws where there are none. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = Float64Array.from(samples).sort();
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
  if (value === undefined) throw new Error('there are no samples');
  return value;
}

/** Of an even number the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const half = samples.length / 2;
  return (percentile(samples, 0.5) + percentile(samples, (Math.floor(half) + 1) / samples.length)) / 2;
}
