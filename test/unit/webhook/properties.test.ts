import { createServer } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import jsonpatch, { type Operation as PatchOperation } from 'fast-json-patch';
import supertest from 'supertest';
import { createApp, MUTATE_PATH, VALIDATE_PATH } from '../../../webhook/app.ts';
import { withDefaultsAndFinalizer, defaultingPatch, reviewDefaults } from '../../../webhook/default.ts';
import { decodeRequest, decodeReview, OPERATIONS } from '../../../webhook/review.ts';
import { objectErrors, reviewObject } from '../../../webhook/validate.ts';
import { readUserObject } from '../../../shared/validation/index.ts';
import { json, roughObject, soundObject } from '../../support/arbitraries.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { admissionRequest, admissionReview, REVIEW_UID } from '../../support/reviews.ts';

const anything = fc.oneof(json, roughObject, soundObject);
const errorsOf = (object: unknown): readonly unknown[] => objectErrors(readUserObject(object));
const copy = (value: unknown): object => JSON.parse(JSON.stringify(value)) as object;
const check = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, holds), { numRuns: 500 });

describe('defaulting', () => {
  it('is idempotent for any input', () => {
    check(anything, (object) =>
      expect(withDefaultsAndFinalizer(withDefaultsAndFinalizer(object))).toEqual(withDefaultsAndFinalizer(object)),
    );
  });

  it('is idempotent', () => {
    check(anything, (object) => expect(defaultingPatch(withDefaultsAndFinalizer(object))).toEqual([]));
  });

  it('equals the patch applied to the object of the request', () => {
    check(fc.oneof(roughObject, soundObject), (object) => {
      const patch = copy(defaultingPatch(object)) as PatchOperation[];
      expect(jsonpatch.applyPatch(copy(object), patch, true).newDocument).toEqual(
        copy(withDefaultsAndFinalizer(object)),
      );
    });
  });

  it('does not mutate its input, and only adds fields or fills in empty ones', () => {
    check(fc.oneof(roughObject, soundObject), (object) => {
      for (const operation of defaultingPatch(deepFreeze(object))) {
        expect(operation.op).toMatch(/^(add|replace)$/);
        if (operation.op === 'replace') {
          expect([null, '']).toContain(jsonpatch.getValueByPointer(object, operation.path));
        }
      }
    });
  });

  it('keeps a valid object valid', () => {
    check(soundObject, (object) => {
      expect(errorsOf(object)).toEqual([]);
      expect(errorsOf(withDefaultsAndFinalizer(object))).toEqual([]);
    });
  });

  it('makes no invalid object valid', () => {
    check(roughObject, (object) => {
      if (errorsOf(withDefaultsAndFinalizer(object)).length === 0) {
        // What it fills in is `null` or an empty string, which the API server takes out before it asks.
        const filled = defaultingPatch(object).filter(({ op }) => op === 'replace');
        if (filled.length === 0) expect(errorsOf(object)).toEqual([]);
      }
    });
  });
});

describe('the mutating and the validating webhook', () => {
  it('have the same result for a new object', () => {
    check(fc.oneof(roughObject, soundObject), (object) => {
      const mutating = reviewDefaults(admissionRequest({ object }));
      const validating = reviewObject(admissionRequest({ object: copy(withDefaultsAndFinalizer(object)) }));
      expect([mutating.allowed, mutating.status]).toEqual([validating.allowed, validating.status]);
    });
  });

  it('never throw, and do not mutate their input', () => {
    check(fc.tuple(fc.constantFrom(...OPERATIONS), anything, anything), ([operation, object, oldObject]) => {
      const request = deepFreeze(admissionRequest({ operation, object, oldObject }));
      for (const reviewer of [reviewDefaults, reviewObject]) expect(typeof reviewer(request).allowed).toBe('boolean');
    });
  });

  it('allow every update that leaves the spec unchanged', () => {
    check(fc.tuple(roughObject, json), ([object, labels]) => {
      const { metadata } = object as { readonly metadata?: unknown };
      const after = { ...object, metadata: { ...(typeof metadata === 'object' ? metadata : {}), labels } };
      const request = admissionRequest({ operation: 'UPDATE', object: after, oldObject: copy(object) });
      expect(reviewObject(request)).toEqual({ allowed: true });
    });
  });
});

describe('decoding', () => {
  it('never throws, for any JSON', () => {
    check(json, (body) => {
      for (const review of [body, admissionReview({ uid: body }), admissionReview({ kind: body, operation: body })]) {
        const question = decodeReview(review, Infinity);
        if ('value' in question) decodeRequest(question.value);
      }
    });
  });
});

it('every review with a UID gets a response with that UID, and every other request gets another code than 200', async () => {
  const { log, lines } = recordingLog();
  const server = createServer(createApp({ log })).listen(0, '127.0.0.1');
  const part = fc.record({
    uid: fc.option(fc.constant(REVIEW_UID), { nil: '' }),
    operation: fc.oneof(fc.constantFrom(...OPERATIONS), json),
    object: anything,
    oldObject: anything,
  });
  const bodies = fc.oneof(json, part.map(admissionReview));
  const holds = async ([path, body]: [string, unknown]): Promise<void> => {
    const response = await supertest(server)
      .post(path)
      .set('content-type', 'application/json')
      .send(JSON.stringify(body));
    const uid = (body as { readonly request?: { readonly uid?: string } } | null)?.request?.uid;
    if (uid === REVIEW_UID) expect(JSON.parse(response.text).response.uid).toBe(uid);
    expect(response.status).toBe(uid === REVIEW_UID ? 200 : 400);
  };
  await fc.assert(fc.asyncProperty(fc.tuple(fc.constantFrom(MUTATE_PATH, VALIDATE_PATH), bodies), holds), {
    numRuns: 300,
  });
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  await new Promise((resolve) => server.close(resolve));
});
