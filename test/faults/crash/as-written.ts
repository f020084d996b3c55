/** What is stored, and read in both versions, is what the user wrote. */
import { expect } from '@jest/globals';
import type { SequentialJob, SequentialJobSpec } from '../../../shared/api/types.ts';
import { specInV1alpha1, V1ALPHA1_SEQUENTIAL_JOBS } from '../../support/in-v1alpha1.ts';
import type { Namespace } from '../../support/namespace.ts';

export function expectStored({ spec }: SequentialJob, wanted: SequentialJobSpec): void {
  expect(spec).toMatchObject(wanted);
}

/** At the end, when nothing changes any more. `suspend` and `resume` may have changed on the way. */
export async function expectAsWritten(namespace: Namespace, name: string, wanted: SequentialJobSpec): Promise<void> {
  const [inV1beta1, inV1alpha1] = await Promise.all([
    namespace.get(name),
    namespace.getObject<SequentialJob>(V1ALPHA1_SEQUENTIAL_JOBS, name),
  ]);
  const { suspend: _, resume: __, ...spec } = wanted;
  expectStored(inV1beta1, spec);
  expect(inV1alpha1.spec).toMatchObject(specInV1alpha1(spec));
  expect(inV1alpha1.status).toEqual(inV1beta1.status);
}
