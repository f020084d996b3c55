/** Lists the Pods of one Job from the API server. */
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
  /** The step's index, if known: it narrows the list. */
  readonly index: number | undefined;
  /** The index is one in `finally`. */
  readonly isFinally?: boolean | undefined;
}

export interface PodsDeps {
  readonly client: ApiClient;
  /** Indexed by the UID of their Job. A sequence also runs without the permission to list Pods. */
  readonly pods: Cache<ObservedPod>;
  readonly podsState: () => PodListState;
}

/** Page size. A Job has one Pod for each attempt, but every client that creates Pods can set its labels. */
const PAGE_SIZE = 500;

/**
 * Returns the snapshot with the Pods of a Job from the API server, because the Pod watch may be behind the Job watch.
 * Terminated Pods that the cache has seen and that are deleted stay, because they show how they ended. Without
 * permission the snapshot keeps the cached Pods. The Pods are also put into the cache: the next reconcile must see a
 * running Pod even before the watch delivers it. Rejects with ApiError.
 */
export async function listJobPods(job: JobRef, snapshot: Snapshot, deps: PodsDeps): Promise<Snapshot> {
  const { namespace, uid } = snapshot.object.metadata;
  const label = job.isFinally === true ? LABELS.finallyIndex : LABELS.stepIndex;
  const index = job.index === undefined ? '' : `,${label}=${job.index}`;
  try {
    const listed: ObservedPod[] = [];
    let token: string | undefined;
    do {
      const { metadata } = await deps.client.request<{ metadata?: { continue?: string } }>({
        method: 'GET',
        path: collectionPath(PODS, namespace),
        query: { labelSelector: `${LABELS.uid}=${uid}${index}`, limit: PAGE_SIZE, continue: token },
        onItem: (raw) => {
          const found = toObservedPod(raw);
          const pod = withSeenOwner(found, deps.pods.get(keyOf(found)));
          if ((pod.jobUID ?? pod.labelJobUID) === job.uid) listed.push(pod);
        },
      });
      token = metadata?.continue;
    } while (token !== undefined && token !== '');
    // Without a watch such entries would never be removed.
    if (deps.podsState() !== 'forbidden') for (const pod of listed) deps.pods.assume(pod);
    const uids = new Set(listed.map(({ metadata }) => metadata.uid));
    const deleted = (snapshot.pods ?? []).filter(({ metadata }) => !uids.has(metadata.uid));
    const terminated = deleted.filter(({ termination }) => termination !== undefined);
    const others = deleted.filter(({ termination }) => termination === undefined);
    return {
      ...snapshot,
      ...withDeletedPods(job.uid, others, snapshot),
      pods: [...terminated.map(withoutRestart), ...listed],
    };
  } catch (error) {
    if (isApiError(error, 'NotFound')) return snapshot;
    if (isApiError(error, 'Forbidden')) return { ...snapshot, podsForbidden: true };
    throw error;
  }
}

/** A deleted Pod: its termination stays, but its container is not restarted. */
function withoutRestart(pod: ObservedPod): ObservedPod {
  if (pod.termination?.restarting === undefined) return pod;
  const { restarting: _, ...termination } = pod.termination;
  return { ...pod, termination };
}

/** Counts the dropped Pods as deleted. */
function withDeletedPods(
  jobUID: string,
  dropped: readonly ObservedPod[],
  { deletedPods }: Snapshot,
): Pick<Snapshot, 'deletedPods'> {
  const known = deletedPods?.jobUID === jobUID ? deletedPods.count : 0;
  const count = known + dropped.filter((pod) => pod.jobUID === jobUID).length;
  return count === 0 ? {} : { deletedPods: { jobUID, count } };
}
