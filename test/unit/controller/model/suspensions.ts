/** How often a Job is suspended that somebody else lets go on again and again: what is told to the users, in numbers. */
import { broken } from './promises.ts';

const FREE = 2;
const BASE_MS = 30_000;
const MAX_MS = 300_000;
/** After so long it is not the same quarrel any more. */
const FORGOTTEN_MS = 900_000;
/** The annotation that remembers it has whole seconds. */
const ROUNDING_MS = 1000;

export class Suspensions {
  /** By the UID of the Job: how often in a row, and when last. */
  readonly #rows = new Map<string, { readonly count: number; readonly lastMs: number }>();

  /** The controller suspends a Job, or lets it go on. What is wrong with that, if anything is. */
  patched(jobUID: string, suspend: boolean, nowMs: number): string | undefined {
    const row = this.#rows.get(jobUID);
    if (!suspend) {
      this.#rows.delete(jobUID);
      return undefined;
    }
    const isForgotten = row === undefined || nowMs - row.lastMs > FORGOTTEN_MS;
    const count = isForgotten ? 1 : row.count + 1;
    this.#rows.set(jobUID, { count, lastMs: nowMs });
    if (isForgotten || count <= FREE) return undefined;
    const waitMs = Math.min(MAX_MS, BASE_MS * 2 ** (count - FREE - 1));
    const afterMs = nowMs - row.lastMs;
    const isEarly = afterMs < waitMs - ROUNDING_MS;
    return isEarly ? broken('suspensions', `number ${count} came after ${afterMs} ms`) : undefined;
  }
}
