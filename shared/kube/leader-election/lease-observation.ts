/** Whether the holder of the Lease is still alive, decided without using its clock. */
import { holderOf, type Lease } from './leases.ts';

interface ObservedRecord {
  readonly record: string;
  readonly holder: string;
  readonly durationMs: number;
  /** When this record was first seen, on the local monotonic clock. */
  readonly sinceMs: number;
}

/**
 * The clocks of two machines agree on nothing but, nearly, the length of a second. So the age of a record is the time
 * for which this process has seen it unchanged, whatever times it contains. A holder that renews changes the record
 * (as in client-go's tools/leaderelection).
 */
export class LeaseObservation {
  readonly #fallbackMs: number;
  #observed: ObservedRecord | undefined;

  /** `fallbackMs`: the duration of a Lease without `leaseDurationSeconds`. */
  constructor(fallbackMs: number) {
    this.#fallbackMs = fallbackMs;
  }

  /** The holder seen last; empty if there is none. */
  get holder(): string {
    return this.#observed?.holder ?? '';
  }

  /**
   * Records the Lease as read. Returns how long its holder may still consider itself the leader, in milliseconds; 0
   * if there is no holder. If the Lease was deleted, its last holder still counts.
   */
  observe(lease: Lease | undefined, nowMs: number): number {
    if (lease !== undefined) this.#record(lease, nowMs);
    if (this.#observed === undefined || this.#observed.holder === '') return 0;
    return Math.max(0, this.#observed.sinceMs + this.#observed.durationMs - nowMs);
  }

  #record(lease: Lease, nowMs: number): void {
    const record = JSON.stringify([lease.metadata.uid, lease.spec]);
    if (record === this.#observed?.record) return;
    const seconds = lease.spec?.leaseDurationSeconds ?? 0;
    const durationMs = seconds > 0 ? seconds * 1000 : this.#fallbackMs;
    this.#observed = { record, holder: holderOf(lease), durationMs, sinceMs: nowMs };
  }
}
