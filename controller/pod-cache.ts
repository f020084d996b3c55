/** The Pod cache, indexed by Job; keeps the Job of a Pod that was orphaned. */
import type { ObservedPod } from '../shared/api/pod.ts';
import { Cache, type InternalErrorObserver } from '../shared/kube/cache.ts';
import { withSeenOwner } from './transform-pod.ts';

/** An empty cache, indexed by the UID of the controlling Job or, without a controller, of the Job in its label. */
export function createPodCache(onInternalError?: InternalErrorObserver): Cache<ObservedPod> {
  return new Cache<ObservedPod>(({ jobUID, labelJobUID }) => jobUID ?? labelJobUID, withSeenOwner, onInternalError);
}
