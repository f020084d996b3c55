/** How long the sequence was active, read off the statuses that were stored: without suspensions, anew after a resume. */
import type { SequentialJobStatus } from '../../../../shared/api/types.ts';

/** Statuses have whole seconds: how long something took is known to two of them. */
export const ROUNDING_MS = 2000;

export interface Writing {
  readonly nowMs: number;
  /** The writer knew that a resume was asked for. */
  readonly isAsked: boolean;
}

export class Stopwatch {
  #fromMs: number | undefined;
  #stoppedMs: number | undefined;
  #standingMs = 0;

  /** A status was stored. */
  onStatus(before: SequentialJobStatus | undefined, after: SequentialJobStatus, { nowMs, isAsked }: Writing): void {
    const isResumed = isAsked && (after.resumes ?? 0) > (before?.resumes ?? 0) && before?.startTime !== undefined;
    if (after.startTime === undefined) this.#fromMs = undefined;
    else if (this.#fromMs === undefined || before?.startTime === undefined) this.#begin(Date.parse(after.startTime));
    else if (isResumed) this.#begin(nowMs);
    const suspended = after.conditions?.find(({ type }) => type === 'Suspended');
    if (suspended?.status === 'True') this.#stoppedMs ??= Date.parse(suspended.lastTransitionTime);
    else if (this.#stoppedMs !== undefined) {
      if (before?.startTime !== undefined && !isResumed) {
        this.#standingMs += Date.parse(suspended?.lastTransitionTime ?? '') - this.#stoppedMs;
      }
      this.#stoppedMs = undefined;
    }
  }

  /** Milliseconds until now; the statuses have whole seconds. Undefined before the start. */
  activeMs(nowMs: number): number | undefined {
    return this.#fromMs === undefined ? undefined : (this.#stoppedMs ?? nowMs) - this.#fromMs - this.#standingMs;
  }

  #begin(ms: number): void {
    this.#fromMs = ms;
    this.#standingMs = 0;
  }
}
