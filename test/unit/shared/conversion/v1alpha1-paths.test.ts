import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { V1alpha1Paths } from '../../../../shared/conversion/v1alpha1-paths.ts';
import '../../../support/properties.ts';
import { toV1beta1, v1alpha1Object } from '../../../support/versions.ts';

const SPEC = {
  containers: [{ name: 'extract' }, { name: 'load' }],
  finally: [{ name: 'report' }],
  stepPolicies: [{ name: 'report' }, { name: 'upload' }, { name: 'load' }],
};

test.each<readonly [string, string]>([
  ['spec.steps', 'spec.containers'],
  ['spec.steps[1].image', 'spec.containers[1].image'],
  ['spec.steps[1].jobs', 'spec.containers[1].jobs'],
  ['spec.finally[0].image', 'spec.finally[0].image'],
  ['spec.steps[1].job.backoffLimit', 'spec.stepPolicies[2].backoffLimit'],
  ['spec.steps[1].job.podFailurePolicy.rules[0]', 'spec.stepPolicies[2].podFailurePolicy.rules[0]'],
  ['spec.steps[1].job.metadata.labels[a/b]', 'spec.stepPolicies[2].job.metadata.labels[a/b]'],
  ['spec.steps[1].job', 'spec.stepPolicies[2].job'],
  ['spec.steps[1].pod.tolerations[0]', 'spec.stepPolicies[2].pod.tolerations[0]'],
  ['spec.finally[0].when', 'spec.stepPolicies[0].when'],
  ['spec.steps[0].onFailure', 'spec.stepPolicies[name=extract].onFailure'],
  // The policy of `upload`, which names no container, is a step behind the others.
  ['spec.steps[2].image', 'spec.stepPolicies[1].image'],
  ['spec.steps[2].job.backoffLimit', 'spec.stepPolicies[1].backoffLimit'],
  ['spec.steps-of-tomorrow', 'spec.steps-of-tomorrow'],
  ['spec.job.backoffLimit', 'spec.backoffLimit'],
  ['spec.job.backoffLimits', 'spec.job.backoffLimits'],
  ['spec.job.metadata.labels', 'spec.job.metadata.labels'],
  ['spec.template.spec', 'spec.template.spec'],
  ['metadata.name', 'metadata.name'],
])('%s is %s', (v1beta1, v1alpha1) => expect(new V1alpha1Paths(SPEC).translate(v1beta1)).toBe(v1alpha1));

test('any value has paths', () => {
  for (const spec of [undefined, null, 1, [], { containers: 1, stepPolicies: [1, {}] }]) {
    expect(new V1alpha1Paths(spec).translate('spec.steps[0].job')).toMatch(/^spec\.stepPolicies\[.*\]\.job$/);
  }
});

/** The paths of all scalars below a value. */
function leaves(value: unknown, path: string): readonly (readonly [path: string, value: unknown])[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => leaves(item, `${path}[${i}]`));
  if (typeof value !== 'object' || value === null) return [[path, value]];
  return Object.entries(value).flatMap(([key, child]) => (/\W/.test(key) ? [] : leaves(child, `${path}.${key}`)));
}

test('property: a path names the same value in both versions', () => {
  fc.assert(
    fc.property(v1alpha1Object, (object) => {
      const paths = new V1alpha1Paths(object.spec);
      const values = new Map(leaves(object.spec, 'spec'));
      for (const [path, value] of leaves(toV1beta1(object).spec, 'spec')) {
        expect(values.get(paths.translate(path))).toEqual(value);
      }
    }),
    { numRuns: 300 },
  );
});
