/** The work queue's metrics, as client-go's util/workqueue and controller-runtime's pkg/metrics/workqueue.go have them. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { QueueObserver, QueueState } from '../../shared/work-queue/work-queue.ts';

const LABEL_NAMES = ['name', 'controller'] as const;

/** In seconds. client-go's buckets grow by a factor of ten, which does not distinguish 100 ms from 900 ms. */
const BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1000];

interface Labels {
  readonly name: string;
  readonly controller: string;
}

/** The metrics of all work queues; each queue has an observer of its own. */
export class QueueMetrics {
  readonly #adds: Counter<'name' | 'controller'>;
  readonly #retries: Counter<'name' | 'controller'>;
  readonly #waited: Histogram<'name' | 'controller'>;
  readonly #worked: Histogram<'name' | 'controller'>;
  /** The sources of the gauges. */
  readonly #states = new Map<Labels, () => QueueState>();

  constructor(registry: Registry) {
    const common = { labelNames: LABEL_NAMES, registers: [registry] };
    const gauge = (name: string, help: string, read: (state: QueueState) => number): void => {
      const made: Gauge<'name' | 'controller'> = new Gauge({
        ...common,
        name,
        help,
        collect: () => this.#states.forEach((state, labels) => made.set({ ...labels }, read(state()))),
      });
    };
    gauge(
      'workqueue_depth',
      'Current depth of the work queue: objects that wait for a reconcile',
      ({ depth }) => depth,
    );
    gauge(
      'workqueue_unfinished_work_seconds',
      'How many seconds of work are in progress: the sum over running reconciles',
      ({ inProgressMs }) => inProgressMs.reduce((sum, ms) => sum + ms, 0) / 1000,
    );
    gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds the longest running reconcile has taken so far',
      ({ inProgressMs }) => Math.max(0, ...inProgressMs) / 1000,
    );
    this.#adds = new Counter({
      ...common,
      name: 'workqueue_adds_total',
      help: 'Total number of adds handled by the work queue',
    });
    this.#retries = new Counter({
      ...common,
      name: 'workqueue_retries_total',
      help: 'Total number of delayed adds: after a failure, or because a reconcile asked for a requeue',
    });
    this.#waited = new Histogram({
      ...common,
      name: 'workqueue_queue_duration_seconds',
      help: 'How many seconds an object stays in the work queue before it is reconciled',
      buckets: BUCKETS,
    });
    this.#worked = new Histogram({
      ...common,
      name: 'workqueue_work_duration_seconds',
      help: 'Duration of reconciles in seconds',
      buckets: BUCKETS,
    });
  }

  /** The metrics of one queue. Call it once for each controller. */
  of(controller: string): ObservedQueue {
    const labels = { name: controller, controller };
    this.#states.set(labels, () => IDLE);
    for (const counter of [this.#adds, this.#retries]) counter.inc(labels, 0);
    for (const histogram of [this.#waited, this.#worked]) histogram.zero(labels);
    return {
      follow: (state) => void this.#states.set(labels, state),
      added: () => this.#adds.inc(labels),
      addedLater: () => this.#retries.inc(labels),
      taken: (waitedMs) => this.#waited.observe(labels, waitedMs / 1000),
      done: (workedMs) => this.#worked.observe(labels, workedMs / 1000),
    };
  }
}

const IDLE: QueueState = { depth: 0, inProgressMs: [] };

export interface ObservedQueue extends QueueObserver {
  /** Sets the source of the gauges. */
  follow(state: () => QueueState): void;
}
