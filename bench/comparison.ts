/**
 * Measures two programs alternately, A B B A A B B A …, so that changes in the machine's speed or load affect both equally.
 * Compares neighboring measurements.
 */
import { median } from './percentiles.ts';

export interface Pair<T> {
  readonly ours: T;
  readonly baseline: T;
}

/** Measures both `pairs` times. */
export async function alternate<T>(
  pairs: number,
  { ours, baseline }: { readonly ours: () => Promise<T>; readonly baseline: () => Promise<T> },
): Promise<readonly Pair<T>[]> {
  const measured: Pair<T>[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) {
      const first = await ours();
      measured.push({ ours: first, baseline: await baseline() });
    } else {
      const first = await baseline();
      measured.push({ baseline: first, ours: await ours() });
    }
  }
  return measured;
}

/** A figure of both programs, and their ratio. */
export interface Comparison {
  readonly ours: number;
  readonly baseline: number;
  /** Median over the pairs of our value divided by the baseline's; `min` and `max` are the extremes. */
  readonly ratio: number;
  readonly min: number;
  readonly max: number;
}

export function compare<T>(pairs: readonly Pair<T>[], figureOf: (one: T) => number): Comparison {
  const ratios = pairs.map(({ ours, baseline }) => figureOf(ours) / figureOf(baseline));
  return {
    ours: median(pairs.map(({ ours }) => figureOf(ours))),
    baseline: median(pairs.map(({ baseline }) => figureOf(baseline))),
    ratio: median(ratios),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
  };
}

/** `0.87 (0.85–0.90)`: the ratio and its spread. */
export const formatRatio = ({ ratio, min, max }: Comparison): string =>
  `${ratio.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
