import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { truncateMiddle, truncate } from '../../../shared/truncate.ts';

const text = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 40 }).map((part) => part.repeat(60));

test.each([
  ['fitStepMessage', truncate],
  ['fitLastWords', (message: string): string => truncateMiddle(message)],
])('%s keeps 1 KiB of whole characters, and is idempotent', (_name, fit) => {
  fc.assert(
    fc.property(text, (message) => {
      const cut = fit(message);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024);
      expect(cut).not.toContain('\uFFFD');
      expect(fit(cut)).toBe(cut);
      if (Buffer.byteLength(message) <= 1024) expect(cut).toBe(message);
      else expect(Buffer.byteLength(cut)).toBeGreaterThan(1024 - 8);
    }),
  );
});

test.each([
  ['a step message keeps its beginning', truncate('a'.repeat(1025)), `${'a'.repeat(1021)}…`],
  [
    'a termination message keeps a quarter from its beginning, and its end',
    truncateMiddle(`${'a'.repeat(20)}${'b'.repeat(20)}`, 20),
    `aaaaa…${'b'.repeat(12)}`,
  ],
  ['a text within the limit is unchanged', truncateMiddle('a'.repeat(20), 20), 'a'.repeat(20)],
  ['half a character is removed', truncateMiddle(`€€${'x'.repeat(20)}€€`, 20), '€…xxxxxx€€'],
])('%s', (_says, cut, expected) => {
  expect(cut).toBe(expected);
});
