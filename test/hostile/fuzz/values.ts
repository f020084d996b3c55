/** Values that programs trip over, for any place in a review. The lists are in test/fixtures/hostile/odd.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { writtenPatterns } from '../patterns/collect.ts';

type Lists = Readonly<
  Record<'quantities' | 'names' | 'texts' | 'pumps' | 'trailers' | 'literals' | 'keys', readonly string[]>
> & { readonly numbers: readonly number[] };

export const ODD = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/hostile/odd.json'), 'utf8'),
) as Lists;

/** Texts that the program's own patterns take, and so get past them; drawn once. */
const MATCHING: readonly string[] = writtenPatterns().flatMap(({ regexp: { source, flags } }) => {
  try {
    return fc.sample(fc.stringMatching(new RegExp(source, flags.replaceAll(/[gi]/g, ''))), { numRuns: 6, seed: 1 });
  } catch {
    // A pattern with a look-behind, which the generator does not know.
    return [];
  }
});

/** Around the limits of names mostly; now and then a text that fills a body. */
const LENGTHS = [1, 15, 16, 62, 63, 64, 128, 253, 254, 255, 256, 257, 1024, 1025, 5_000, 9_000];
const length = fc.oneof(
  { weight: 300, arbitrary: fc.constantFrom(...LENGTHS) },
  { weight: 1, arbitrary: fc.constantFrom(100_000, 1_000_000) },
);

export const oddText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('__proto__', 'constructor'),
  fc.constantFrom(...ODD.names),
  fc.constantFrom(...ODD.quantities),
  fc.constantFrom(...ODD.texts),
  fc.tuple(fc.constantFrom(...ODD.pumps), length).map(([pump, times]) => pump.repeat(times)),
  fc.constantFrom(...MATCHING),
);

/** A key of an object: one that means something to JavaScript, or any text. */
export const oddName: fc.Arbitrary<string> = fc.oneof(fc.constantFrom(...ODD.names), oddText);

/** As JSON.parse makes it: `__proto__` is a property like any other. */
const oddObject = fc
  .tuple(oddName, fc.constantFrom(...ODD.numbers))
  .map(([name, value]) => JSON.parse(`{${JSON.stringify(name)}:${value}}`) as unknown);

/** Any value but a large one. */
export const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: oddText },
  { weight: 1, arbitrary: fc.constantFrom(...ODD.numbers) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('[]', '[[]]', '[null]', '[{}]', '[""]', '{}').map((s) => JSON.parse(s) as unknown),
  },
  { weight: 2, arbitrary: oddObject },
);
