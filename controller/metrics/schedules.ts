/** Metrics of schedules and the start of their runs. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** `invalid`: the spec is refused, so that nothing starts. `blocked`: a run that is due cannot be created. */
export const SCHEDULE_STATES = ['active', 'suspended', 'invalid', 'blocked'] as const;
export type ScheduleState = (typeof SCHEDULE_STATES)[number];

/**
 * `given_up`: the time of a run had come, and the run could not be started; `too_many`: so many times had passed that they
 * were not counted, which counts as one.
 */
export const MISSED_REASONS = ['given_up', 'too_many'] as const;
export type MissedReason = (typeof MISSED_REASONS)[number];

/** In seconds: normally two writes and a read after the time; after a downtime up to days. */
const DELAY_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400];

export class ScheduleMetrics {
  readonly #started: Counter;
  readonly #missed: Counter<'reason'>;
  readonly #delay: Histogram;
  #states: () => Iterable<ScheduleState> | undefined = () => undefined;

  constructor(registry: Registry) {
    const registers = [registry];
    const schedules: Gauge<'state'> = new Gauge({
      name: 'sequentialjob_schedules',
      help: 'Number of CronSequentialJobs by state; absent until they are listed',
      labelNames: ['state'],
      registers,
      collect: () => this.#count(schedules),
    });
    this.#started = new Counter({
      name: 'sequentialjob_schedule_runs_started_total',
      help: 'Total number of runs that were created for a scheduled time',
      registers,
    });
    this.#missed = new Counter({
      name: 'sequentialjob_schedule_times_missed_total',
      help: 'Total number of scheduled times that got no run, by reason',
      labelNames: ['reason'],
      registers,
    });
    this.#delay = new Histogram({
      name: 'sequentialjob_schedule_start_delay_seconds',
      help: 'Seconds from the scheduled time to the answer to the creation of its run',
      buckets: DELAY_BUCKETS,
      registers,
    });
    for (const reason of MISSED_REASONS) this.#missed.inc({ reason }, 0);
  }

  /** Sets the source of the states, read at every scrape; undefined: not known yet. */
  follow(states: () => Iterable<ScheduleState> | undefined): void {
    this.#states = states;
  }

  runStarted(delayMs: number): void {
    this.#started.inc();
    this.#delay.observe(Math.max(0, delayMs) / 1000);
  }

  timeMissed(reason: MissedReason): void {
    this.#missed.inc({ reason });
  }

  #count(gauge: Gauge<'state'>): void {
    gauge.reset();
    const states = this.#states();
    if (states === undefined) return;
    const counts: Record<ScheduleState, number> = { active: 0, suspended: 0, invalid: 0, blocked: 0 };
    for (const state of states) counts[state]++;
    for (const state of SCHEDULE_STATES) gauge.set({ state }, counts[state]);
  }
}
