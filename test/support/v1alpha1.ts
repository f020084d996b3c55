/** SequentialJobs as a user of v1alpha1 writes and reads them. */
import { GROUP, KIND, PLURAL, V1ALPHA1, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import type { SequentialJobSpec, Step } from '../../shared/api/types.ts';
import type * as V1alpha1 from '../../shared/api/v1alpha1.ts';
import type { Manifest } from './manifests.ts';

/** As kubectl takes it. */
export const V1ALPHA1_RESOURCE = `${PLURAL}.${V1ALPHA1}.${GROUP}`;

/** The manifest in a file of v1alpha1. */
export const writtenInV1alpha1 = (name: string, spec: object): Manifest => ({
  apiVersion: V1ALPHA1_API_VERSION,
  kind: KIND,
  metadata: { name },
  spec,
});

/** The manifest in v1alpha1 of what this spec says in v1beta1. */
export const v1alpha1Manifest = (name: string, spec: SequentialJobSpec): Manifest =>
  writtenInV1alpha1(name, specInV1alpha1(spec));

/** What such a user writes for it. It does not use shared/conversion, so that a test finds the faults of that. */
export function specInV1alpha1({ steps, finally: last, job, ...rest }: SequentialJobSpec): V1alpha1.SequentialJobSpec {
  const { backoffLimit, ...ofAllJobs } = job ?? {};
  const stepPolicies = [...steps, ...(last ?? [])].flatMap((step) => policyOf(step) ?? []);
  return {
    ...rest,
    containers: steps.map(containerOf),
    ...(last && { finally: last.map(containerOf) }),
    ...(backoffLimit !== undefined && { backoffLimit }),
    ...(isWritten(ofAllJobs) && { job: ofAllJobs }),
    ...(stepPolicies.length > 0 && { stepPolicies }),
  };
}

interface AnyStep extends Step {
  readonly when?: V1alpha1.StepPolicy['when'];
}

const isWritten = (fields: object): boolean => Object.keys(fields).length > 0;

function containerOf(step: AnyStep): V1alpha1.SequentialJobSpec['containers'][number] {
  const { job: _, pod: __, onFailure: ___, when: ____, ...container } = step;
  return container;
}

function policyOf({ name, job, pod, onFailure, when }: AnyStep): V1alpha1.StepPolicy | undefined {
  const { metadata, pendingDeadlineSeconds, ...own } = job ?? {};
  const beside = { ...(metadata && { metadata }), ...(pendingDeadlineSeconds && { pendingDeadlineSeconds }) };
  const settings = {
    ...own,
    ...(isWritten(beside) && { job: beside }),
    ...(pod && { pod }),
    ...(onFailure && { onFailure }),
    ...(when && { when }),
  };
  return isWritten(settings) ? { name, ...settings } : undefined;
}
