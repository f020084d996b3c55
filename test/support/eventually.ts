import { sleep } from '../../shared/sleep.ts';

const POLL_MS = 50;

/**
 * Calls `look` again and again until it gives something other than undefined or false, and resolves with that. Fails after
 * `seconds` (default 60), and says the last error of `look`, if it threw. This is a bound, never a measurement.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T> | T,
  seconds = 60,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await look();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(POLL_MS);
  }
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new Error(`not within ${seconds} s: ${what}${why}`, { cause: last });
}
