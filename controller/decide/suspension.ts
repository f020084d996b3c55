/** How a Job is suspended that somebody else (a queue, say) lets go on again and again. Pure. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, type EventDraft } from '../../shared/api/reasons.ts';
import { CLOCK_SKEW_MS } from './clock.ts';

/** The first two are suspended again at once; then this long after, twice as long each time. */
const BACKOFF = { free: 2, baseMs: 30_000, maxMs: 300_000 } as const;

/** A suspension so long ago has nothing to do with the next. */
const FORGOTTEN_MS = 900_000;

/** In how many milliseconds the Job may be suspended again; 0: now. */
export function suspendAgainInMs({ suspensions }: ObservedJob, nowMs: number): number {
  const { count, at } = suspensions ?? { count: 0 };
  if (count < BACKOFF.free || at === undefined) return 0;
  const wait = Math.min(BACKOFF.maxMs, BACKOFF.baseMs * 2 ** (count - BACKOFF.free));
  const sinceMs = nowMs - (Date.parse(at) || 0);
  // The annotation is anybody's to change: a time that no clock of ours has shown keeps nobody from suspending.
  return sinceMs < -CLOCK_SKEW_MS ? 0 : Math.max(0, Math.min(wait, wait - sinceMs));
}

/** Which one in a row the next suspension is. */
export function nextSuspension({ suspensions }: ObservedJob, nowMs: number): number {
  const { count, at } = suspensions ?? { count: 0 };
  const isForgotten = at !== undefined && nowMs - (Date.parse(at) || 0) > FORGOTTEN_MS;
  return isForgotten ? 1 : count + 1;
}

/**
 * What is told when a Job is suspended again that somebody has let go on; undefined the first time, which may be the end of a
 * suspension of theirs that ours came into.
 */
export function suspensionUndone({ suspensions, metadata }: ObservedJob, at: string): EventDraft | undefined {
  if (suspensions === undefined || suspensions.count < BACKOFF.free) return undefined;
  const message = EVENT_MESSAGE.suspensionUndone(at, metadata.name, suspensions.undoneBy);
  return { type: 'Warning', reason: EVENT.suspensionUndone, message };
}
