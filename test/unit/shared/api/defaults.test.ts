import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { withDefaults } from '../../../../shared/api/defaults.ts';
import type { SequentialJobSpec } from '../../../../shared/api/types.ts';

const containers = [{ name: 'a', image: 'busybox:1.36' }];

const ALL = {
  containers,
  template: { spec: { restartPolicy: 'Never' } },
  backoffLimit: 3,
  suspend: false,
  updatePolicy: 'Immutable',
  stepPolicies: [],
  resume: 0,
};

const asSpec = (value: unknown): SequentialJobSpec => value as SequentialJobSpec;

test.each([
  ['an absent field', { containers }, ALL],
  ['a null field', { containers, template: null, backoffLimit: null, stepPolicies: null, suspend: null }, ALL],
  ['an empty restart policy', { containers, template: { spec: { restartPolicy: '' } } }, ALL],
  [
    'the other fields of the template are unchanged',
    { containers, template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes: [] } } },
    { ...ALL, template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes: [] } } },
  ],
])('%s', (_sentence, spec, expected) => expect(withDefaults(asSpec(spec))).toEqual(expected));

test('the argument is not mutated, and the result shares its parts', () => {
  const volumes = [{ name: 'a' }];
  const spec = asSpec({ containers, template: { spec: { volumes } } });
  const before = structuredClone(spec);
  const defaulted = withDefaults(spec);
  expect(spec).toEqual(before);
  expect(defaulted.steps).toBe(spec.steps);
  expect(defaulted.template.spec.volumes).toBe(volumes);
  expect(withDefaults(defaulted)).toBe(defaulted);
});

test('property: defaulting is idempotent', () => {
  const part = fc.option(fc.constantFrom<unknown>(null, 0, 7, '', 'Never', false, true, [], {}), { nil: undefined });
  const spec = fc.record({
    backoffLimit: part,
    suspend: part,
    updatePolicy: part,
    stepPolicies: part,
    resume: part,
    template: fc.oneof(part, fc.record({ spec: fc.oneof(part, fc.record({ restartPolicy: part })), metadata: part })),
  });
  fc.assert(
    fc.property(spec, (value) => {
      const once = withDefaults(asSpec({ containers, ...value }));
      expect(withDefaults(once)).toEqual(once);
    }),
  );
});
