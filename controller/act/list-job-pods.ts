/** The Pods of one Job, asked of the API server. */
import { LABELS } from '../../shared/api/group.ts';
import type { ObservedPod } from '../../shared/api/pod.ts';
import { type Cache, keyOf } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, PODS } from '../../shared/kube/resources.ts';
import type { Snapshot } from '../decide/index.ts';
import type { PodListState } from '../informers.ts';
import { toObservedPod, withSeenOwner } from '../transform-pod.ts';

interface JobRef {
  readonly uid: string;
  /** Of its step, where that is known: the answer is the smaller for it. */
  readonly index: number | undefined;
}

export interface PodsDeps {
  readonly client: ApiClient;
  /** By the UID of their Job. A sequence runs on also where they may not be read. */
  readonly pods: Cache<ObservedPod>;
  readonly podsState: () => PodListState;
}

/** Of a page. A Job has one Pod for each attempt; but anybody who may create Pods may give them its labels. */
const PAGE = 500;

/**
 * The snapshot with the Pods of a Job as the API server has them now: the watch of Pods may be behind that of Jobs. Those
 * that the watch has shown and that are gone stay, if they have ended: they tell how. Where Pods may not be listed, those
 * of the watch are all. The cache gets them too: a Pod that runs on must not be forgotten before the watch has told of it.
 * Rejects with ApiError.
 */
export async function listJobPods(job: JobRef, snapshot: Snapshot, deps: PodsDeps): Promise<Snapshot> {
  const { namespace, uid } = snapshot.object.metadata;
  const index = job.index === undefined ? '' : `,${LABELS.stepIndex}=${job.index}`;
  try {
    const listed: ObservedPod[] = [];
    let token: string | undefined;
    do {
      const { metadata } = await deps.client.request<{ metadata?: { continue?: string } }>({
        method: 'GET',
        path: collectionPath(PODS, namespace),
        query: { labelSelector: `${LABELS.uid}=${uid}${index}`, limit: PAGE, continue: token },
        onItem: (raw) => {
          const found = toObservedPod(raw);
          const pod = withSeenOwner(found, deps.pods.get(keyOf(found)));
          if ((pod.jobUID ?? pod.labelJobUID) === job.uid) listed.push(pod);
        },
      });
      token = metadata?.continue;
    } while (token !== undefined && token !== '');
    // What no watch will tell of would stay for ever.
    if (deps.podsState() !== 'forbidden') for (const pod of listed) deps.pods.assume(pod);
    const uids = new Set(listed.map(({ metadata }) => metadata.uid));
    const vanished = (snapshot.pods ?? []).filter(({ metadata }) => !uids.has(metadata.uid));
    const told = vanished.filter(({ termination }) => termination !== undefined);
    const others = vanished.filter(({ termination }) => termination === undefined);
    return { ...snapshot, ...withGone(job.uid, others, snapshot), pods: [...told.map(asEnded), ...listed] };
  } catch (error) {
    if (isApiError(error, 'NotFound')) return snapshot;
    if (isApiError(error, 'Forbidden')) return { ...snapshot, podsForbidden: true };
    throw error;
  }
}

/** A Pod that is gone: what it told stays, but its container is not run again. */
function asEnded(pod: ObservedPod): ObservedPod {
  if (pod.termination?.restarting === undefined) return pod;
  const { restarting: _, ...termination } = pod.termination;
  return { ...pod, termination };
}

/** Those that are left out now count as gone. */
function withGone(
  jobUID: string,
  left: readonly ObservedPod[],
  { deletedPods }: Snapshot,
): Pick<Snapshot, 'deletedPods'> {
  const known = deletedPods?.jobUID === jobUID ? deletedPods.count : 0;
  const count = known + left.filter((pod) => pod.jobUID === jobUID).length;
  return count === 0 ? {} : { deletedPods: { jobUID, count } };
}
