/** The leader metric of client-go's tools/leaderelection. */
import { Gauge, type Registry } from 'prom-client';

export class LeaderMetrics {
  readonly #status: Gauge<'name'>;

  constructor(registry: Registry) {
    this.#status = new Gauge({
      name: 'leader_election_master_status',
      help: '1 where this process holds the Lease of that name, 0 where it does not; absent without leader election',
      labelNames: ['name'],
      registers: [registry],
    });
  }

  /**
   * Returns a function to call on each change; initially this process does not lead. `lease` is the name of the Lease.
   */
  follow(lease: string): (isLeader: boolean) => void {
    const labels = { name: lease };
    this.#status.set(labels, 0);
    return (isLeader) => this.#status.set(labels, isLeader ? 1 : 0);
  }
}
