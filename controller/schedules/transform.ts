/** Reduces a CronSequentialJob to what the cache keeps. */
import type { CachedSchedule, CronSequentialJob } from '../../shared/api/schedule.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';

/**
 * A CronSequentialJob without its template and the metadata that the operator does not read: a tenant can make them large.
 * The schema bounds the rest of the spec, and only the operator writes the status.
 */
export function toCachedSchedule(raw: unknown): CachedSchedule {
  const { apiVersion, kind, metadata, spec, status } = raw as CronSequentialJob;
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  const { sequentialJobTemplate: _, ...policy } = spec;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ...omitUndefined({ generation, creationTimestamp, deletionTimestamp }),
    },
    spec: policy,
    ...omitUndefined({ status }),
  };
}
