/** Exponential backoff with jitter: pure, the randomness is passed in. */

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Delay before the next try after `failures` failures in a row (1 or more), in milliseconds: the base doubled each
 * time, capped, of which between half and all is taken, so that many waiters don't return in step.
 */
export function backoffDelay(failures: number, options: BackoffOptions, random: () => number): number {
  const full = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(full / 2 + (full / 2) * random());
}
