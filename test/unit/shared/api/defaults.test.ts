import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { withDefaults } from '../../../../shared/api/defaults.ts';
import type { SequentialJobSpec } from '../../../../shared/api/types.ts';

const steps = [{ name: 'a', image: 'busybox:1.36' }];

const ALL = {
  steps,
  template: { spec: { restartPolicy: 'Never' } },
  job: { backoffLimit: 3 },
  suspend: false,
  updatePolicy: 'Immutable',
  resume: 0,
};

const asSpec = (value: unknown): SequentialJobSpec => value as SequentialJobSpec;

test.each([
  ['an absent field', { steps }, ALL],
  ['a null field', { steps, template: null, job: null, updatePolicy: null, suspend: null }, ALL],
  ['a null backoff limit', { steps, job: { backoffLimit: null } }, ALL],
  [
    'the other fields of the job are unchanged',
    { steps, job: { activeDeadlineSeconds: 5 } },
    { ...ALL, job: { activeDeadlineSeconds: 5, backoffLimit: 3 } },
  ],
  ['an empty restart policy', { steps, template: { spec: { restartPolicy: '' } } }, ALL],
  [
    'the other fields of the template are unchanged',
    { steps, template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes: [] } } },
    { ...ALL, template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes: [] } } },
  ],
])('%s', (_sentence, spec, expected) => expect(withDefaults(asSpec(spec))).toEqual(expected));

test('the argument is not mutated, and the result shares its parts', () => {
  const volumes = [{ name: 'a' }];
  const spec = asSpec({ steps, template: { spec: { volumes } } });
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
    job: fc.oneof(part, fc.record({ backoffLimit: part })),
    suspend: part,
    updatePolicy: part,
    resume: part,
    template: fc.oneof(part, fc.record({ spec: fc.oneof(part, fc.record({ restartPolicy: part })), metadata: part })),
  });
  fc.assert(
    fc.property(spec, (value) => {
      const once = withDefaults(asSpec({ steps, ...value }));
      expect(withDefaults(once)).toEqual(once);
    }),
  );
});
