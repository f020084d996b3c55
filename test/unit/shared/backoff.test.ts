import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { backoffDelay } from '../../../shared/backoff.ts';

const OPTIONS = { baseMs: 100, maxMs: 1000 };

describe('backoffDelay', () => {
  it.each([
    ['the first delay is at least half the base', 1, 0, 50],
    ['the first delay is at most the base', 1, 1, 100],
    ['the second delay is twice as long', 2, 1, 200],
    ['the fourth delay is below the limit', 4, 1, 800],
    ['the fifth delay is limited', 5, 1, 1000],
    ['jitter applies to the limit, too', 5, 0, 500],
    ['jitter is uniform between half and all of the delay', 2, 0.5, 150],
    ['very many failures do not overflow', 5000, 1, 1000],
  ])('%s', (_says, failures, random, expected) => {
    expect(backoffDelay(failures, OPTIONS, () => random)).toBe(expected);
  });

  it('is never below half the base nor above the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const delay = backoffDelay(failures, OPTIONS, () => random);
          expect(delay).toBeGreaterThanOrEqual(50);
          expect(delay).toBeLessThanOrEqual(1000);
        },
      ),
    );
  });
});
