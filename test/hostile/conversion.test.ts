/** A million objects in both API versions, and conversion reviews with broken bytes, in pieces of any size. */
import { describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import { ConversionReview, MalformedReview } from '../../webhook/conversion-review.ts';
import { roughObject } from '../support/arbitraries.ts';
import { SEED, shared } from '../support/share.ts';
import { LAWS, V1ALPHA1, v1alpha1Object, V1BETA1, v1beta1Object } from '../support/versions.ts';

jest.setTimeout(60 * 60_000);

const OBJECTS = shared(1_000_000, 4_000);
const REVIEWS = shared(200_000, 1_000);

describe(`${OBJECTS} objects`, () => {
  const laws = Object.entries(LAWS);
  it.each(laws)('%s', (_law, property) => {
    const numRuns = Math.ceil(OBJECTS / laws.length);
    fc.assert(property as fc.IProperty<unknown>, { numRuns, seed: SEED });
  });
});

interface Outcome {
  readonly answer: string;
  readonly problem?: string;
}

function answerTo(body: Buffer, pieceBytes: number): Outcome {
  let answer = '';
  const review = new ConversionReview({
    write: (text) => (answer += text),
    onInternalError: (error) => {
      throw error;
    },
  });
  try {
    for (let at = 0; at < body.length; at += pieceBytes) review.push(body.subarray(at, at + pieceBytes));
    review.end();
    return { answer };
  } catch (error) {
    if (!(error instanceof MalformedReview)) throw error;
    return { answer, problem: error.message };
  }
}

const objects = fc.array(fc.oneof(v1alpha1Object, v1beta1Object, roughObject, fc.jsonValue({ maxDepth: 2 })), {
  maxLength: 4,
});
const review = fc
  .record({ uid: fc.constantFrom('x', '', 7), desiredAPIVersion: fc.constantFrom(V1ALPHA1, V1BETA1, 'v1'), objects })
  .map((request) => ({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', request }));

/** The bytes of a review, some of them replaced. */
const body = fc
  .tuple(
    review,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('[', ']', '{', '}', '"', ',', ':', '\\', '0', '\u0000')), {
      maxLength: 3,
    }),
  )
  .map(([one, changes]) => {
    const bytes = Buffer.from(JSON.stringify(one));
    for (const [at, byte] of changes) bytes.write(byte, at % bytes.length);
    return bytes;
  });

it(`${REVIEWS} reviews get a whole answer or a problem in one line, the same in any pieces`, () => {
  fc.assert(
    fc.property(body, fc.integer({ min: 1, max: 200 }), (bytes, pieceBytes) => {
      const whole = answerTo(bytes, bytes.length);
      expect(answerTo(bytes, pieceBytes)).toEqual(whole);
      if (whole.problem === undefined) {
        const { response } = JSON.parse(whole.answer) as { readonly response: { readonly result: object } };
        expect(response.result).toHaveProperty('status');
      } else expect(whole.problem).not.toContain('\n');
    }),
    { numRuns: REVIEWS, seed: SEED },
  );
});
