/** Exponential backoff with jitter: pure, the randomness is passed in. */

export interface BackoffOptions {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The delay before the next try after `failures` failures in a row (1 or more), in milliseconds. The base doubles
 * with each failure up to `maxMs`; the result is a random value between half of that and all of it, so that many
 * clients do not retry in step.
 */
export function backoffDelay(failures: number, options: BackoffOptions, random: () => number): number {
  const maxDelay = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(failures - 1, 40));
  return Math.round(maxDelay / 2 + (maxDelay / 2) * random());
}
