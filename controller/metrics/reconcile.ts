/** The metrics of reconciles, as controller-runtime's pkg/internal/controller/metrics has them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * How a reconcile ended: `requeue_after` succeeded and asks for another one, `requeue` starts again from fresher state
 * (a conflict, a deleted object, the shutdown), `error` failed and is retried.
 */
export const RECONCILE_RESULTS = ['success', 'requeue', 'requeue_after', 'error'] as const;
export type ReconcileOutcome = (typeof RECONCILE_RESULTS)[number];

/** In seconds: a subset of controller-runtime's buckets. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 2.5, 5, 10, 20, 30, 60];

/** The metrics of the reconciles of all controllers; each controller has an observer of its own. */
export class ReconcileMetrics {
  readonly #total: Counter<'controller' | 'result'>;
  readonly #errors: Counter<'controller'>;
  readonly #time: Histogram<'controller'>;
  readonly #maximum: Gauge<'controller'>;
  /** By controller: the number of running reconciles. */
  readonly #active = new Map<string, () => number>();

  constructor(registry: Registry) {
    const common = { labelNames: ['controller'] as const, registers: [registry] };
    this.#total = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Total number of reconciles by result',
      labelNames: ['controller', 'result'],
      registers: [registry],
    });
    this.#errors = new Counter({
      ...common,
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Total number of failed reconciles, which are retried',
    });
    this.#time = new Histogram({
      ...common,
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Duration of reconciles in seconds',
      buckets: BUCKETS,
    });
    this.#maximum = new Gauge({
      ...common,
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'Maximum number of concurrent reconciles',
    });
    const active: Gauge<'controller'> = new Gauge({
      ...common,
      name: 'controller_runtime_active_workers',
      help: 'Number of running reconciles',
      collect: () => this.#active.forEach((read, controller) => active.set({ controller }, read())),
    });
  }

  /** The metrics of one controller. Call it once for each. */
  of(controller: string): ObservedReconciles {
    const labels = { controller };
    for (const result of RECONCILE_RESULTS) this.#total.inc({ controller, result }, 0);
    this.#errors.inc(labels, 0);
    this.#time.zero(labels);
    return {
      follow: (maximum, active) => {
        this.#maximum.set(labels, maximum);
        this.#active.set(controller, active);
      },
      reconciled: (result, ms) => {
        this.#total.inc({ controller, result });
        if (result === 'error') this.#errors.inc(labels);
        this.#time.observe(labels, ms / 1000);
      },
    };
  }
}

export interface ObservedReconciles {
  /** Sets the source of the gauges: the number of workers, and how many of them are busy. */
  follow(maximum: number, active: () => number): void;
  reconciled(result: ReconcileOutcome, ms: number): void;
}
