/** Where the fuzzer starts: every review that the project has written down, and reviews of every object that it has. */
import * as fc from 'fast-check';
import { roughObject, soundObject } from '../../support/arbitraries.ts';
import { coreCases, specOf } from '../../support/core-cases.ts';
import { mixes } from '../../support/core-mix.ts';
import { goldenAdmissions } from '../../support/golden-admissions.ts';
import { container } from '../../support/objects.ts';
import { admissionReview, written } from '../../support/reviews.ts';
import { Dice } from './dice.ts';
import { anySpec } from './instance.ts';

/** The same for the same seed. */
export function seedReviews(seed: number): readonly unknown[] {
  const dice = new Dice(seed);
  const cases = coreCases();
  const specs = [...cases, ...mixes({ good: cases, bad: cases }, 200, seed)].map(specOf);
  const sampled = [roughObject, soundObject].flatMap((objects) => fc.sample(objects, { numRuns: 150, seed }));
  const instances = Array.from({ length: 300 }, () => written(anySpec(dice)));
  return [
    ...goldenBodies(),
    ...specs.map((spec) => created(written(spec))),
    ...[...sampled, ...instances].flatMap((object) => [created(object), updated(object, dice)]),
    created(written({ containers: Array.from({ length: 1000 }, (_, i) => container(`step-${i}`)) })),
  ];
}

const created = (object: unknown): unknown => admissionReview({ object });

/** A change of a started sequence, mostly. */
function updated(object: unknown, dice: Dice): unknown {
  const before = {
    ...(object as object),
    status: { startTime: '2026-11-02T10:00:00Z', progress: { currentIndex: dice.below(3) } },
  };
  return admissionReview({ operation: 'UPDATE', object, oldObject: before });
}

function goldenBodies(): readonly unknown[] {
  return goldenAdmissions().flatMap(({ input: { body } }) => (body === undefined ? [] : [body]));
}
