/** Whether the one who holds the Lease still lives, judged without its clock. */
import { holderOf, type Lease } from './leases.ts';

interface Seen {
  readonly record: string;
  readonly holder: string;
  readonly durationMs: number;
  /** On the local monotonic clock: when this record was first seen. */
  readonly sinceMs: number;
}

/**
 * Two machines' clocks agree on nothing but, nearly, how long a second is. So a record is as old as the time for which
 * *we* have seen it unchanged, whatever times it names; a holder that renews changes it (client-go's
 * tools/leaderelection does the same).
 */
export class LeaseObservation {
  readonly #fallbackMs: number;
  #seen: Seen | undefined;

  /** `fallbackMs`: how long a Lease lasts that does not say it. */
  constructor(fallbackMs: number) {
    this.#fallbackMs = fallbackMs;
  }

  /** The holder that was seen last; empty where it is nobody. */
  get holder(): string {
    return this.#seen?.holder ?? '';
  }

  /**
   * Takes note of the Lease as it was read, and says for how long its holder may yet believe to lead, in milliseconds; 0
   * where nobody does. A holder whose Lease somebody has deleted still believes it.
   */
  see(lease: Lease | undefined, nowMs: number): number {
    if (lease !== undefined) this.#note(lease, nowMs);
    if (this.#seen === undefined || this.#seen.holder === '') return 0;
    return Math.max(0, this.#seen.sinceMs + this.#seen.durationMs - nowMs);
  }

  #note(lease: Lease, nowMs: number): void {
    const record = JSON.stringify([lease.metadata.uid, lease.spec]);
    if (record === this.#seen?.record) return;
    const seconds = lease.spec?.leaseDurationSeconds ?? 0;
    const durationMs = seconds > 0 ? seconds * 1000 : this.#fallbackMs;
    this.#seen = { record, holder: holderOf(lease), durationMs, sinceMs: nowMs };
  }
}
