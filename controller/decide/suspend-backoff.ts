/** The back-off for suspending a Job that another client (a queue, for example) keeps unsuspending. Pure. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../../shared/api/reasons.ts';
import { CLOCK_SKEW_MS } from './timers.ts';

/** The first `immediate` suspensions follow at once; each further one after a delay that doubles. */
const BACKOFF = { immediate: 2, baseMs: 30_000, maxMs: 300_000 } as const;

/** The count starts again after this time. */
const RESET_AFTER_MS = 900_000;

/** Milliseconds until the Job may be suspended again; 0: now. */
export function suspendAgainInMs({ suspensions }: ObservedJob, nowMs: number): number {
  const { count, at } = suspensions ?? { count: 0 };
  if (count < BACKOFF.immediate || at === undefined) return 0;
  const wait = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** (count - BACKOFF.immediate));
  const sinceMs = nowMs - (Date.parse(at) || 0);
  // Every client may edit the annotation: a time further in the future than clock skew explains is ignored.
  return sinceMs < -CLOCK_SKEW_MS ? 0 : Math.max(0, Math.min(wait, wait - sinceMs));
}

/** The number of consecutive suspensions, with the next one. */
export function nextSuspension({ suspensions }: ObservedJob, nowMs: number): number {
  const { count, at } = suspensions ?? { count: 0 };
  const isReset = at !== undefined && nowMs - (Date.parse(at) || 0) > RESET_AFTER_MS;
  return isReset ? 1 : count + 1;
}

/**
 * The event for suspending again a Job that another client has unsuspended; undefined the first time, because the other
 * client may just have ended a suspension of its own.
 */
export function suspensionUndoneEvent({ suspensions, metadata }: ObservedJob, at: string): EventDraft | undefined {
  if (suspensions === undefined || suspensions.count < BACKOFF.immediate) return undefined;
  const message = EVENT_MESSAGE.suspensionUndone(at, metadata.name, suspensions.undoneBy);
  return { type: 'Warning', reason: EVENT.suspensionUndone, message };
}
