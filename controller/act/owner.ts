/** The owner of an object that has the name of one of ours. */
import { isSequentialJobController } from '../../shared/api/job.ts';
import { MESSAGE } from '../../shared/api/reasons.ts';
import type { ObjectMeta, OwnerReference, SequentialJob } from '../../shared/api/types.ts';
import { isApiVersion } from '../../shared/conversion/index.ts';
import type { Cache } from '../../shared/kube/cache.ts';

type OwnedMeta = Pick<ObjectMeta, 'namespace' | 'deletionTimestamp' | 'ownerReferences'>;

/** The SequentialJob that controls the object, by its owner reference. */
export const sequentialJobOf = ({ ownerReferences }: OwnedMeta): OwnerReference | undefined =>
  ownerReferences?.find(isSequentialJobController);

/**
 * Why Kubernetes will delete another owner's object soon, if it will. The garbage collector deletes what a
 * SequentialJob owns that no longer exists (deleted and created again under the same name). It cannot look up an owner whose
 * API version is not served, and keeps such an object: any client can write such a reference, and the step must not wait
 * forever.
 */
export function pendingRemovalOf(
  metadata: OwnedMeta,
  { sequentialJobs }: { readonly sequentialJobs: Cache<SequentialJob> },
): 'deleted' | 'ownerless' | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'deleted';
  const owner = sequentialJobOf(metadata);
  if (owner === undefined || !isApiVersion(owner.apiVersion)) return undefined;
  const ownerExists = sequentialJobs.get(`${metadata.namespace}/${owner.name}`)?.metadata.uid === owner.uid;
  return ownerExists ? undefined : 'ownerless';
}

/** `is owned by Job "x"`, or that it has no owner. */
export function describeOwner({ ownerReferences }: OwnedMeta): string {
  const owner = ownerReferences?.find((reference) => reference.controller);
  return owner === undefined ? MESSAGE.foreignOwner.none : MESSAGE.foreignOwner.of(owner.kind, owner.name);
}
