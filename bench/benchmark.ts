/** The interface of a benchmark: it measures this project and a baseline, the minimal program for the same work, in one run. */

export interface BenchmarkOptions {
  /** True: a run of a few seconds that only shows that the benchmark works; its figures mean nothing. */
  readonly smoke: boolean;
  /** True: include cases that take many minutes; default false. */
  readonly full?: boolean;
  readonly log: (line: string) => void;
}

/** One line of the table in docs/performance.md. */
export interface Row {
  /** The case: what was measured, and the load, for example `validate, 3 containers, 16 connections`. */
  readonly label: string;
  /** Measured value, with its unit. */
  readonly ours: string;
  readonly baseline: string;
  /** Ratio of our value to the baseline's; absent if there is nothing to compare. */
  readonly ratio?: string;
  /** The required value, for example `≥ 0.85`. */
  readonly target?: string;
  /** Whether the target is met; absent without a target. */
  readonly targetMet?: boolean;
}

export interface Benchmark {
  readonly name: string;
  /** The heading of its table. */
  readonly title: string;
  /** The text under the heading: what is measured, what the baseline is, in which order both run. */
  readonly description: string;
  /** Resolves when everything that the benchmark started has stopped. */
  run(options: BenchmarkOptions): Promise<readonly Row[]>;
}
