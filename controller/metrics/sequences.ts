/** Metrics of sequences, their steps, and the delay between steps. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type Phase, PHASES } from '../../shared/api/types.ts';

export type StepResult = 'succeeded' | 'failed';

/** In seconds: steps take up to a day, and their times are whole seconds. */
const STEP_BUCKETS = [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

/** In seconds: normally one status write and one request, some ten milliseconds. */
const HANDOFF_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60];

export class SequenceMetrics {
  readonly #steps: Counter<'result'>;
  readonly #duration: Histogram<'result'>;
  readonly #handoff: Histogram;
  readonly #specsFetched: Counter;
  #phases: () => Iterable<Phase> | undefined = () => undefined;
  #cachedSpecBytes: () => number = () => 0;

  constructor(registry: Registry) {
    const registers = [registry];
    const sequences: Gauge<'phase'> = new Gauge({
      name: 'sequentialjob_sequences',
      help: 'Number of SequentialJobs by phase; absent until the caches have synced',
      labelNames: ['phase'],
      registers,
      collect: () => this.#count(sequences),
    });
    this.#steps = new Counter({
      name: 'sequentialjob_steps_total',
      help: 'Total number of steps that ended',
      labelNames: ['result'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'sequentialjob_step_duration_seconds',
      help: "Seconds from the start of a step's Job to its end, by the timestamps of the API server",
      labelNames: ['result'],
      buckets: STEP_BUCKETS,
      registers,
    });
    this.#handoff = new Histogram({
      name: 'sequentialjob_step_handoff_seconds',
      help: "Seconds from the watch event of a step's end to the answer to the creation of the next Job",
      buckets: HANDOFF_BUCKETS,
      registers,
    });
    const specBytes: Gauge = new Gauge({
      name: 'sequentialjob_specs_held_bytes',
      help: 'Approximate memory of the cached specs; specs that do not fit are read from the API server when needed',
      registers,
      collect: () => specBytes.set(this.#cachedSpecBytes()),
    });
    this.#specsFetched = new Counter({
      name: 'sequentialjob_specs_fetched_total',
      help: 'Reconciles that read the SequentialJob from the API server because its spec was not cached',
      registers,
    });
    for (const result of ['succeeded', 'failed'] as const) {
      this.#steps.inc({ result }, 0);
      this.#duration.zero({ result });
    }
  }

  /** Sets the source of the phases, read at every scrape; undefined: not known yet. */
  follow(phases: () => Iterable<Phase> | undefined): void {
    this.#phases = phases;
  }

  /** Sets the source of the specs' memory, read at every scrape. */
  followSpecBytes(heldBytes: () => number): void {
    this.#cachedSpecBytes = heldBytes;
  }

  specFetched(): void {
    this.#specsFetched.inc();
  }

  /** `seconds` is undefined if the Job was deleted and its times are unknown. */
  stepEnded(result: StepResult, seconds: number | undefined): void {
    this.#steps.inc({ result });
    if (seconds !== undefined) this.#duration.observe({ result }, seconds);
  }

  handedOff(ms: number): void {
    this.#handoff.observe(ms / 1000);
  }

  #count(gauge: Gauge<'phase'>): void {
    gauge.reset();
    const phases = this.#phases();
    if (phases === undefined) return;
    const counts: Record<Phase, number> = {
      Pending: 0,
      Running: 0,
      Finishing: 0,
      Suspended: 0,
      Completed: 0,
      Failed: 0,
    };
    for (const phase of phases) counts[phase]++;
    for (const phase of PHASES) gauge.set({ phase }, counts[phase]);
  }
}
