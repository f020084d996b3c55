/** What a benchmark is: our work beside its floor (the least that any program would have to do), in the same run. */

export interface BenchmarkOptions {
  /** True: only show that it works, in a few seconds; the figures mean nothing. */
  readonly smoke: boolean;
  /** True: also what takes many minutes; default false. */
  readonly full?: boolean;
  readonly log: (line: string) => void;
}

/** One line of the table in docs/performance.md. */
export interface Row {
  /** What was measured, and at which load: `validate, 3 containers, 16 connections`. */
  readonly what: string;
  /** With their units. */
  readonly ours: string;
  readonly floor: string;
  /** Ours to the floor's, as `better` reads it; absent where the figure stands for itself. */
  readonly ratio?: string;
  /** What issue or contract asks for: `≥ 0.85`. */
  readonly reach?: string;
  /** Whether that is reached; absent where there is nothing to reach. */
  readonly reached?: boolean;
}

export interface Benchmark {
  readonly name: string;
  /** The heading of its table. */
  readonly title: string;
  /** A sentence or two under the heading: what is done, what the floor is, how it is paired. */
  readonly about: string;
  /** Resolves when everything it started has ended. */
  run(options: BenchmarkOptions): Promise<readonly Row[]>;
}
