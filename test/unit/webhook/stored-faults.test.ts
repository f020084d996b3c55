/** An object that was stored under other rules: its faults are not held against a change of something else, however many. */
import { expect, it } from '@jest/globals';
import { reviewObject } from '../../../webhook/validate.ts';
import { container } from '../../support/objects.ts';
import { admissionRequest, written } from '../../support/reviews.ts';

const variables = (count: number): readonly object[] =>
  Array.from({ length: count }, (_, i) => ({ name: `A=${i}`, value: 'x' }));

function update(before: readonly object[], after: readonly object[]): readonly string[] {
  const object = (env: readonly object[]): object => written({ containers: [{ ...container('a'), env }] });
  const request = { operation: 'UPDATE', oldObject: object(before), object: object(after) } as const;
  const { allowed, status } = reviewObject(admissionRequest(request));
  const causes = status?.details?.causes.map(({ field, message }) => `${field}: ${message}`) ?? [];
  expect(allowed).toBe(causes.length === 0);
  return causes;
}

const NEW = { name: 'B=', value: 'x' };
const newAt = (index: number): unknown =>
  expect.stringMatching(new RegExp(`^spec\\.containers\\[0\\]\\.env\\[${index}\\]\\.name: Invalid value: "B="`));

it.each([0, 5, 100, 101, 300])('one of %s stored errors can be fixed', (count) => {
  expect(update(variables(count + 1), variables(count))).toEqual([]);
});

it.each([0, 5, 100, 101, 300])('after %s stored errors, only a new error is reported', (count) => {
  expect(update(variables(count), [...variables(count), NEW])).toEqual([newAt(count)]);
});

it('after 300 stored errors, new errors are rejected, and the first hundred are listed', () => {
  const added = Array.from({ length: 150 }, (_, i) => ({ name: `B=${i}`, value: 'x' }));
  const causes = update(variables(300), [...variables(300), ...added]);
  expect(causes).toHaveLength(101);
  expect(causes.at(-1)).toContain('has more errors than');
});

it('with more stored errors than are compared, every update is allowed, because new errors cannot be distinguished', () => {
  expect(update(variables(1201), variables(1200))).toEqual([]);
  expect(update(variables(1001), [...variables(1001), NEW])).toEqual([]);
});

it('a stored error in a policy is not reported again when the policies are in another order', () => {
  const faulty = { name: 'a', backoffLimit: -1 };
  const other = { name: 'b', onFailure: 'Continue' };
  const object = (stepPolicies: readonly object[], more: object = {}): object =>
    written({ containers: [container('a'), container('b')], stepPolicies, ...more });
  const causesOf = (after: object): readonly string[] | undefined =>
    reviewObject(
      admissionRequest({ operation: 'UPDATE', oldObject: object([faulty, other]), object: after }),
    ).status?.details?.causes.map(({ field }) => field);
  expect(causesOf(object([other, faulty], { suspend: true }))).toBeUndefined();
  expect(causesOf(object([{ ...other, backoffLimit: -2 }, faulty]))).toEqual(['spec.stepPolicies[0].backoffLimit']);
  expect(causesOf(object([other, { ...faulty, backoffLimit: -2 }]))).toEqual(['spec.stepPolicies[1].backoffLimit']);
});
