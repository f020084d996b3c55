import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { propertiesOf } from '../../../../config/generate/core-models.ts';
import { V1BETA1_SPEC_SCHEMA } from '../../../../config/generate/v1beta1-spec.ts';
import { compileSchema } from '../../../../shared/validation/ajv.ts';
import '../../../support/properties.ts';
import { v1beta1Object } from '../../../support/versions.ts';
import { complaintsOf, nodesOf } from './structural.ts';

const NODES = nodesOf(V1BETA1_SPEC_SCHEMA, '.spec');
const propertiesAt = (path: string): readonly string[] =>
  Object.keys(NODES.find((node) => node.path === path)?.schema.properties ?? {});

test('the schema is structural', () => expect(complaintsOf(V1BETA1_SPEC_SCHEMA)).toEqual([]));

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

test('property: the objects with which conversion is tested are valid', () => {
  const { validate } = compileSchema(V1BETA1_SPEC_SCHEMA);
  fc.assert(
    fc.property(v1beta1Object, ({ spec }) => {
      validate(spec);
      expect(validate.errors ?? []).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('both versions fit into the annotation of client-side kubectl apply', () => {
  // 256 KiB for all annotations; the schema of v1alpha1, the status twice and the rules take about 100 KB.
  expect(JSON.stringify(V1BETA1_SPEC_SCHEMA).length).toBeLessThan(120_000);
});
