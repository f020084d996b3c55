/** An object gets the same answer in either API version, in the words of each. */
import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { pruneAndDefault } from '../../../cli/prune-and-default.ts';
import { ConversionError, convert } from '../../../shared/conversion/index.ts';
import { STEP_FIELDS } from '../../../shared/conversion/step-settings.ts';
import { V1alpha1Paths } from '../../../shared/conversion/v1alpha1-paths.ts';
import { readUserObject } from '../../../shared/validation/index.ts';
import { withDefaultsAndFinalizer } from '../../../webhook/default.ts';
import { objectErrors, reviewObject } from '../../../webhook/validate.ts';
import { roughV1beta1Object } from '../../support/arbitraries.ts';
import '../../support/properties.ts';
import { admissionRequest } from '../../support/reviews.ts';
import {
  type AnyVersion,
  edit,
  type Fields,
  listOf,
  normalized,
  toV1alpha1,
  toV1beta1,
  V1ALPHA1,
  v1alpha1Object,
  v1beta1Object,
} from '../../support/versions.ts';

const check = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, holds), { numRuns: 500 });

const fieldsOf = (object: unknown): readonly string[] =>
  objectErrors(readUserObject(object)).map(({ type, field }) => `${field}: ${type}`);

it('property: defaults are the same in both versions', () => {
  check(v1alpha1Object, (object) =>
    expect(toV1beta1(withDefaultsAndFinalizer(object))).toEqual(withDefaultsAndFinalizer(toV1beta1(object))),
  );
  check(v1beta1Object, (object) =>
    expect(normalized(toV1alpha1(withDefaultsAndFinalizer(object) as AnyVersion))).toEqual(
      normalized(withDefaultsAndFinalizer(toV1alpha1(object)) as AnyVersion),
    ),
  );
});

it('property: an object that is valid in one version is valid in the other', () => {
  check(v1alpha1Object, (object) => expect(fieldsOf(toV1beta1(object))).toHaveLength(fieldsOf(object).length));
});

/** Lines that begin with a path of v1beta1, with the paths of a spec of v1alpha1. */
function inPathsOf(spec: unknown, lines: readonly string[]): readonly string[] {
  const paths = new V1alpha1Paths(spec);
  return lines.map((line) => line.replace(/^[^:]*/, (path) => paths.translate(path)));
}

/** Whether each step has a name of its own, so that a policy can name it. */
function hasNames(object: unknown): boolean {
  const { steps, finally: last } = (object as { readonly spec?: Readonly<Record<string, unknown>> | null }).spec ?? {};
  const names = [...listOf(steps), ...listOf(last)].map((step) => (step as unknown) !== null && step['name']);
  return new Set(names).size === names.length && names.every((name) => typeof name === 'string' && name !== '');
}

it('property: the errors of an object are the same in both versions, each with its own paths', () => {
  check(roughV1beta1Object, (rough) => {
    const { object } = pruneAndDefault(rough);
    let other: { readonly spec?: unknown };
    try {
      other = convert(object, V1ALPHA1) as typeof other;
    } catch (error) {
      if (error instanceof ConversionError) return;
      throw error;
    }
    if (!hasNames(object)) {
      expect(fieldsOf(other).length > 0).toBe(fieldsOf(object).length > 0);
      return;
    }
    expect(fieldsOf(other)).toEqual(inPathsOf(other.spec, fieldsOf(object)));
  });
});

it('property: an update is answered alike in both versions, each with its own paths', () => {
  const causesOf = (oldObject: unknown, object: unknown): readonly string[] =>
    (reviewObject(admissionRequest({ operation: 'UPDATE', oldObject, object })).status?.details?.causes ?? []).map(
      ({ field, reason }) => `${field}: ${reason}`,
    );
  const started = { startTime: '2026-01-01T00:00:00Z', progress: { currentIndex: 0 } };
  check(fc.tuple(v1beta1Object, v1beta1Object, edit), ([object, other, { inV1beta1 }]) => {
    const before = { ...object, status: started };
    // What differs is what the client does, or all the settings of the steps.
    const steps = listOf(other.spec['steps']);
    for (const after of [inV1beta1(before), { ...before, spec: { ...before.spec, ...withSettings(before, steps) } }]) {
      const causes = causesOf(before, after);
      const [was, is] = [toV1alpha1(before), toV1alpha1(after)];
      // The differences of a step are found in the order of its fields.
      expect(causesOf(was, is).toSorted()).toEqual(inPathsOf(is.spec, causes).toSorted());
    }
  });
});

/** The steps of an object with the settings of others. */
function withSettings(object: AnyVersion, others: readonly Fields[]): Fields {
  const settingsOf = (step: Fields | undefined): Fields =>
    Object.fromEntries(Object.entries(step ?? {}).filter(([field]) => STEP_FIELDS.includes(field)));
  const steps = listOf(object.spec['steps']).map((step, i) => Object.assign({}, step, settingsOf(others[i])));
  return { steps };
}
