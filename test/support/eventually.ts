import { sleep } from '../../shared/sleep.ts';

const POLL_MS = 50;

/**
 * The first value that `look` gives which is not undefined, asked for again until then. Fails after `seconds` (default
 * 60), with what `look` threw last, if it threw. A bound, never a measurement.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      const value = await look();
      if (value !== undefined) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(POLL_MS);
  }
  throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
}
