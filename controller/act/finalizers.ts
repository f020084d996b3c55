/** The actions on the SequentialJob itself: its finalizer, and its deletion after ttlSecondsAfterFinished. */
import { FINALIZER, MANAGER } from '../../shared/api/group.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { Snapshot } from '../decide/index.ts';
import { toSequentialJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';
import { recordSpec } from './record-spec.ts';
import { withServerState } from './snapshot.ts';

/**
 * Adds our finalizer. If it is missing before the start, no webhook has seen the object, so its spec is recorded first.
 * Its presence does not prove that a webhook has (`finalizerSetByClient`).
 */
export async function addFinalizer(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const isNew = snapshot.object.status?.startTime === undefined;
  const before = isNew ? await recordSpec({ ...snapshot, bypassedAdmission: true }, deps) : snapshot;
  return patchFinalizers(before, deps, (list) => [...list, FINALIZER]);
}

/** Removes our finalizer: the API server deletes the object unless it has other finalizers. */
export async function removeFinalizer(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  return patchFinalizers(snapshot, deps, (list) => list.filter((name) => name !== FINALIZER));
}

/**
 * Deletes the object; returns the snapshot with the terminating object, so that the next decision handles its deletion.
 */
export async function deleteSequence(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { namespace, name, uid, resourceVersion } = snapshot.object.metadata;
  try {
    const answer = await deps.client.request<{ readonly kind: string }>({
      method: 'DELETE',
      path: objectPath(SEQUENTIAL_JOBS, namespace, name),
      // The resourceVersion too: ttlSecondsAfterFinished may just have been raised.
      body: { propagationPolicy: 'Background', preconditions: { uid, resourceVersion } },
    });
    if (answer.kind === 'SequentialJob') return withServerState(snapshot, toSequentialJob(answer), deps);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  // It had no finalizers: it is deleted.
  const metadata = { ...snapshot.object.metadata, finalizers: [], deletionTimestamp: toTimestamp(deps.now()) };
  return { ...snapshot, object: { ...snapshot.object, metadata } };
}

async function patchFinalizers(
  snapshot: Snapshot,
  deps: ExecuteDeps,
  change: (finalizers: readonly string[]) => readonly string[],
): Promise<Snapshot> {
  const { namespace, name, resourceVersion, finalizers = [] } = snapshot.object.metadata;
  const answer = await deps.client.request({
    method: 'PATCH',
    path: objectPath(SEQUENTIAL_JOBS, namespace, name),
    query: { fieldManager: MANAGER },
    contentType: PATCH_TYPE.merge,
    // A merge patch replaces the whole list: the resourceVersion protects finalizers that other clients add.
    body: { metadata: { resourceVersion, finalizers: change(finalizers) } },
  });
  return withServerState(snapshot, toSequentialJob(answer), deps);
}
