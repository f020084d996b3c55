import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { propertiesOf } from '../../../../config/generate/core-models.ts';
import { SPEC_SCHEMA as V1ALPHA1_SPEC_SCHEMA } from '../../../../config/generate/v1alpha1-spec.ts';
import { V1BETA1_SPEC_SCHEMA } from '../../../../config/generate/v1beta1-spec.ts';
import { compileSchema } from '../../../../shared/validation/ajv.ts';
import '../../../support/properties.ts';
import { toV1alpha1, v1alpha1Object, v1beta1Object } from '../../../support/versions.ts';
import { nodesOf } from './structural.ts';

const NODES = nodesOf(V1BETA1_SPEC_SCHEMA, '.spec');
const propertiesAt = (path: string): readonly string[] =>
  Object.keys(NODES.find((node) => node.path === path)?.schema.properties ?? {});

test.each([
  ['.spec.steps[]', ['job', 'pod', 'onFailure']],
  ['.spec.finally[]', ['job', 'pod', 'onFailure', 'when']],
])('%s has all fields of a container and those of a step', (path, own) => {
  expect(propertiesAt(path)).toEqual([...propertiesOf('V1Container').map(({ name }) => name), ...own]);
});

test('no field of a container has the name of a setting of a step', () => {
  const names = new Set(propertiesOf('V1Container').map(({ name }) => name));
  expect(['job', 'pod', 'onFailure', 'when'].filter((name) => names.has(name))).toEqual([]);
});

test.each([
  ['v1beta1', V1BETA1_SPEC_SCHEMA, v1beta1Object],
  ['v1alpha1', V1ALPHA1_SPEC_SCHEMA, v1alpha1Object],
])('property: the objects of %s with which conversion is tested are valid', (_version, schema, objects) => {
  const { validate } = compileSchema(schema);
  fc.assert(
    fc.property(objects, ({ spec }) => {
      validate(spec);
      expect(validate.errors ?? []).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('property: a valid object of v1beta1 is a valid one of v1alpha1, too', () => {
  const { validate } = compileSchema(V1ALPHA1_SPEC_SCHEMA);
  fc.assert(
    fc.property(v1beta1Object, (object) => {
      validate(toV1alpha1(object).spec);
      expect(validate.errors ?? []).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('v1alpha1 takes a policy for every step of v1beta1', () => {
  const of = (path: string): number =>
    nodesOf(V1ALPHA1_SPEC_SCHEMA).find((node) => node.path === path)?.schema.maxItems ?? 0;
  expect(of('.stepPolicies')).toBe(of('.containers') + of('.finally'));
  expect(
    NODES.filter(({ path }) => /^\.spec\.(steps|finally)$/.test(path)).map(({ schema }) => schema.maxItems),
  ).toEqual([of('.containers'), of('.finally')]);
});
