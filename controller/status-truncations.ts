/**
 * Which statuses the API server has refused as too large, and how much of them is left out since. In memory only: after a
 * restart one more write is refused.
 */
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { cutStatus, MAX_CUT } from './decide/size.ts';

export class StatusTruncations {
  /** How often the statuses of these objects are cut, by UID; more than `MAX_CUT` where not even that helped. */
  readonly #times = new Map<string, number>();

  /** The status as it is to be written. */
  fit({ metadata: { uid } }: SequentialJob, status: SequentialJobStatus | undefined): SequentialJobStatus | undefined {
    const times = this.#times.get(uid) ?? 0;
    return status === undefined || times === 0 ? status : cutStatus(status, times);
  }

  /**
   * Takes it that the status, as it was written last, was refused as too large. Tells whether it can be cut further, and
   * what the user is to be told: once for each object that something is left out, and once that nothing helps.
   */
  refused({ metadata: { uid } }: SequentialJob): { readonly isCut: boolean; readonly events: readonly EventDraft[] } {
    const times = this.#times.get(uid) ?? 0;
    if (times > MAX_CUT) return { isCut: false, events: [] };
    this.#times.set(uid, times + 1);
    if (times === MAX_CUT) return { isCut: false, events: [warning(EVENT_MESSAGE.statusRefused())] };
    return { isCut: true, events: times === 0 ? [warning(EVENT_MESSAGE.statusTruncated())] : [] };
  }

  /** Whether not even the smallest form was taken: nothing may be started that could not be put down. */
  isFull({ metadata: { uid } }: SequentialJob): boolean {
    return (this.#times.get(uid) ?? 0) > MAX_CUT;
  }

  /** Takes it that the status, as it was written last, was taken: there is room for one again. */
  written({ metadata: { uid } }: SequentialJob): void {
    if ((this.#times.get(uid) ?? 0) > MAX_CUT) this.#times.set(uid, MAX_CUT);
  }

  /** The object is gone. */
  forget(uid: string): void {
    this.#times.delete(uid);
  }
}

function warning(message: string): EventDraft {
  return { type: 'Warning', reason: EVENT.statusTooLarge, message };
}
