/** The cache of Pods: by their Jobs, with what was seen of them before. */
import type { ObservedPod } from '../shared/api/pod.ts';
import { Cache, type InternalErrorObserver } from '../shared/kube/cache.ts';
import { withSeenOwner } from './transform-pod.ts';

/** Empty. A Pod is found by the UID of its Job, also where only its label names that. */
export function createPodCache(onFault?: InternalErrorObserver): Cache<ObservedPod> {
  return new Cache<ObservedPod>(({ jobUID, labelJobUID }) => jobUID ?? labelJobUID, withSeenOwner, onFault);
}
