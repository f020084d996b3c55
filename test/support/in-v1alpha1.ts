/**
 * What a user of v1alpha1 writes for a spec of v1beta1. It does not use shared/conversion, so that a test finds the faults of
 * that.
 */
import { GROUP, KIND, PLURAL, V1ALPHA1, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import type { SequentialJobSpec, Step } from '../../shared/api/types.ts';
import type * as V1alpha1 from '../../shared/api/v1alpha1.ts';
import type { Resource } from '../../shared/kube/resources.ts';
import type { Manifest } from './manifests.ts';

/** SequentialJobs, read and written in v1alpha1. */
export const V1ALPHA1_SEQUENTIAL_JOBS: Resource = { root: `/apis/${GROUP}/${V1ALPHA1}`, plural: PLURAL };

/** A SequentialJob of v1alpha1 as a file of a user has it. */
export const v1alpha1Manifest = (name: string, spec: SequentialJobSpec): Manifest => ({
  apiVersion: V1ALPHA1_API_VERSION,
  kind: KIND,
  metadata: { name },
  spec: specInV1alpha1(spec),
});

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
