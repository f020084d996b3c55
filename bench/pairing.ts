/**
 * Two things measured in turns: A B B A A B B A …, so that a machine that grows slower or faster in between, or that
 * others work on, does so to both. What is compared are neighbours.
 */
import { median } from './percentiles.ts';

export interface Pair<T> {
  readonly ours: T;
  readonly floor: T;
}

/** Measures both `pairs` times. */
export async function inTurns<T>(
  pairs: number,
  { ours, floor }: { readonly ours: () => Promise<T>; readonly floor: () => Promise<T> },
): Promise<readonly Pair<T>[]> {
  const measured: Pair<T>[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) {
      const first = await ours();
      measured.push({ ours: first, floor: await floor() });
    } else {
      const first = await floor();
      measured.push({ floor: first, ours: await ours() });
    }
  }
  return measured;
}

/** What a figure is for both, and in relation. */
export interface Comparison {
  readonly ours: number;
  readonly floor: number;
  /** Of ours to the floor: the median over the pairs, and between which values they lie. */
  readonly ratio: number;
  readonly least: number;
  readonly most: number;
}

export function compare<T>(pairs: readonly Pair<T>[], figureOf: (one: T) => number): Comparison {
  const ratios = pairs.map(({ ours, floor }) => figureOf(ours) / figureOf(floor));
  return {
    ours: median(pairs.map(({ ours }) => figureOf(ours))),
    floor: median(pairs.map(({ floor }) => figureOf(floor))),
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
  };
}

/** `0.87 (0.85–0.90)`: the ratio and its spread. */
export const formatRatio = ({ ratio, least, most }: Comparison): string =>
  `${ratio.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
