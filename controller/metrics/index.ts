/** The metrics of the controller. */
import { Counter, type Registry } from 'prom-client';
import { ClientMetrics } from '../../shared/metrics/client.ts';
import { CONTROLLER, CRON_CONTROLLER } from '../../shared/metrics/names.ts';
import { LeaderMetrics } from './leader.ts';
import { type ObservedQueue, QueueMetrics } from './queue.ts';
import { type ObservedReconciles, ReconcileMetrics } from './reconcile.ts';
import { ScheduleMetrics } from './schedules.ts';
import { SequenceMetrics } from './sequences.ts';

/** The watched resources, as named in the log. */
export const WATCHED = ['sequentialjobs', 'cronsequentialjobs', 'jobs', 'pods'] as const;
export type Watched = (typeof WATCHED)[number];

export class ControllerMetrics {
  readonly queue: ObservedQueue;
  readonly reconcile: ObservedReconciles;
  readonly sequences: SequenceMetrics;
  /** The work queue of CronSequentialJobs. */
  readonly scheduleQueue: ObservedQueue;
  readonly scheduleReconcile: ObservedReconciles;
  readonly schedules: ScheduleMetrics;
  readonly client: ClientMetrics;
  readonly leader: LeaderMetrics;
  readonly #eventsDropped: Counter;
  readonly #watchErrors: Counter<'resource'>;
  readonly #informerErrors: Counter<'resource'>;

  /** Create at most one for each registry. */
  constructor(registry: Registry) {
    const queues = new QueueMetrics(registry);
    const reconciles = new ReconcileMetrics(registry);
    this.queue = queues.of(CONTROLLER);
    this.scheduleQueue = queues.of(CRON_CONTROLLER);
    this.reconcile = reconciles.of(CONTROLLER);
    this.scheduleReconcile = reconciles.of(CRON_CONTROLLER);
    this.sequences = new SequenceMetrics(registry);
    this.schedules = new ScheduleMetrics(registry);
    this.client = new ClientMetrics(registry);
    this.leader = new LeaderMetrics(registry);
    this.#eventsDropped = new Counter({
      name: 'sequentialjob_events_dropped_total',
      help: 'Events that were dropped because they could not be written or too many were pending',
      registers: [registry],
    });
    this.#watchErrors = new Counter({
      name: 'sequentialjob_watch_errors_total',
      help: 'Failed lists and watches, without expired watches',
      labelNames: ['resource'],
      registers: [registry],
    });
    this.#informerErrors = new Counter({
      name: 'sequentialjob_informer_internal_errors_total',
      help: 'Internal errors while an informer processed an object; the log names the object',
      labelNames: ['resource'],
      registers: [registry],
    });
    for (const resource of WATCHED) {
      this.#watchErrors.inc({ resource }, 0);
      this.#informerErrors.inc({ resource }, 0);
    }
  }

  eventDropped(): void {
    this.#eventsDropped.inc();
  }

  watchFailed(resource: Watched): void {
    this.#watchErrors.inc({ resource });
  }

  informerError(resource: Watched): void {
    this.#informerErrors.inc({ resource });
  }
}
