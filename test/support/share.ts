/**
 * How much of the long suites (test/faults, test/hostile, test/load) is run: all of it by default, a seeded part in the
 * gate. The part follows from the seed alone, so that a failure can be run again.
 */
import { createHash } from 'node:crypto';

/** From 0 (exclusive) to 1. */
export const SHARE = fraction(process.env['SEQUENTIALJOB_TEST_SHARE'] ?? '1');
export const SEED = Number(process.env['SEQUENTIALJOB_TEST_SEED'] ?? '1');

/** True where the case of this name belongs to the part that is run. */
export const isChosen = (name: string): boolean => isDrawn(name, SHARE);

/** True for this share of all names. */
export function isDrawn(name: string, share: number): boolean {
  const drawn = createHash('sha256').update(`${SEED}/${name}`).digest().readUInt32BE(0) / 2 ** 32;
  return drawn < share;
}

/** A count or a time for the share that is run, `least` at the least. */
export function shared(whole: number, least: number): number {
  return Math.max(least, Math.round(whole * SHARE));
}

function fraction(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1))
    throw new Error(`SEQUENTIALJOB_TEST_SHARE is to be above 0 and at most 1, not ${text}`);
  return value;
}
