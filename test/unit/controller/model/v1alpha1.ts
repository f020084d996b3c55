/** A user who reads and writes v1alpha1, which the API server converts from and to what it stores. */
import { isDeepStrictEqual } from 'node:util';
import { API_VERSION, V1ALPHA1_API_VERSION } from '../../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobSpec } from '../../../../shared/api/types.ts';
import type * as V1alpha1 from '../../../../shared/api/v1alpha1.ts';
import { convert } from '../../../../shared/conversion/index.ts';
import { specInV1alpha1 } from '../../../support/in-v1alpha1.ts';

const fieldsOf = (spec: SequentialJobSpec): ReadonlyMap<string, unknown> =>
  new Map(Object.entries(specInV1alpha1(spec)));

/** What is stored of an object that its user has written in v1alpha1. */
export function createdInV1alpha1({ spec, ...wanted }: SequentialJob): SequentialJob {
  return stored({ ...wanted, apiVersion: V1ALPHA1_API_VERSION, spec: specInV1alpha1(spec) });
}

/** What is stored after a merge patch of the fields that this change of the spec has in v1alpha1. */
export function changedInV1alpha1(before: SequentialJob, wanted: SequentialJobSpec): SequentialJobSpec {
  const read = convert(before, V1ALPHA1_API_VERSION) as V1alpha1.SequentialJob;
  const [from, to] = [fieldsOf(before.spec), fieldsOf(wanted)];
  const changed = [...to].filter(([field, value]) => !isDeepStrictEqual(value, from.get(field)));
  const kept = Object.entries(read.spec).filter(([field]) => to.has(field) || !from.has(field));
  const spec = Object.fromEntries([...kept, ...changed]) as unknown as V1alpha1.SequentialJobSpec;
  return stored({ ...read, spec }).spec;
}

const stored = (object: V1alpha1.SequentialJob): SequentialJob => convert(object, API_VERSION) as SequentialJob;
