/**
 * Remembers which statuses the API server has rejected as too large, and how far they are truncated. In memory only:
 * after a restart one more write is rejected.
 */
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { truncateStatus, MAX_TRUNCATIONS } from './decide/status-size.ts';

export class StatusTruncations {
  /** Number of truncations by the object's UID; more than `MAX_TRUNCATIONS` if even the smallest form was rejected. */
  readonly #times = new Map<string, number>();

  /** The status, truncated as far as this object needs it. */
  fit({ metadata: { uid } }: SequentialJob, status: SequentialJobStatus | undefined): SequentialJobStatus | undefined {
    const times = this.#times.get(uid) ?? 0;
    return status === undefined || times === 0 ? status : truncateStatus(status, times);
  }

  /**
   * Records that the last written status was rejected as too large. Returns whether it can be truncated further, and
   * the events for the user: one for each object when it is first truncated, and one when even the smallest form is
   * rejected.
   */
  recordTooLarge({ metadata: { uid } }: SequentialJob): {
    readonly canTruncate: boolean;
    readonly events: readonly EventDraft[];
  } {
    const times = this.#times.get(uid) ?? 0;
    if (times > MAX_TRUNCATIONS) return { canTruncate: false, events: [] };
    this.#times.set(uid, times + 1);
    if (times === MAX_TRUNCATIONS) return { canTruncate: false, events: [warning(EVENT_MESSAGE.statusRefused())] };
    return { canTruncate: true, events: times === 0 ? [warning(EVENT_MESSAGE.statusTruncated())] : [] };
  }

  /** Whether even the smallest form was rejected: no step may start, because it could not be recorded. */
  isFull({ metadata: { uid } }: SequentialJob): boolean {
    return (this.#times.get(uid) ?? 0) > MAX_TRUNCATIONS;
  }

  /** Records that the last written status was accepted: the object has room for a status again. */
  recordWritten({ metadata: { uid } }: SequentialJob): void {
    if ((this.#times.get(uid) ?? 0) > MAX_TRUNCATIONS) this.#times.set(uid, MAX_TRUNCATIONS);
  }

  /** Called when the object was deleted. */
  forget(uid: string): void {
    this.#times.delete(uid);
  }
}

function warning(message: string): EventDraft {
  return { type: 'Warning', reason: EVENT.statusTooLarge, message };
}
