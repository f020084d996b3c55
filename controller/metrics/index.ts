/** The metrics of the controller. */
import { Counter, type Registry } from 'prom-client';
import { ClientMetrics } from '../../shared/metrics/client.ts';
import { LeaderMetrics } from './leader.ts';
import { QueueMetrics } from './queue.ts';
import { ReconcileMetrics } from './reconcile.ts';
import { SequenceMetrics } from './sequences.ts';

/** The watched resources, as named in the log. */
export const WATCHED = ['sequentialjobs', 'jobs', 'pods'] as const;
export type Watched = (typeof WATCHED)[number];

export class ControllerMetrics {
  readonly queue: QueueMetrics;
  readonly reconcile: ReconcileMetrics;
  readonly sequences: SequenceMetrics;
  readonly client: ClientMetrics;
  readonly leader: LeaderMetrics;
  readonly #eventsDropped: Counter;
  readonly #watchErrors: Counter<'resource'>;
  readonly #informerErrors: Counter<'resource'>;

  /** Create at most one for each registry. */
  constructor(registry: Registry) {
    this.queue = new QueueMetrics(registry);
    this.reconcile = new ReconcileMetrics(registry);
    this.sequences = new SequenceMetrics(registry);
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
