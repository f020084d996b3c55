/** The actions on the SequentialJob itself: its finalizer, and its deletion by a time to live. */
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
 * Before the start, a finalizer that is missing says that no webhook has seen the object. Its spec is recorded first. One that is
 * there is no proof of the contrary (`finalizerSetByClient`).
 */
export async function addFinalizer(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const isNew = snapshot.object.status?.startTime === undefined;
  const before = isNew ? await recordSpec({ ...snapshot, bypassedAdmission: true }, deps) : snapshot;
  return patchFinalizers(before, deps, (list) => [...list, FINALIZER]);
}

/** Removes our finalizer: the object goes, unless others hold it. */
export async function removeFinalizer(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  return patchFinalizers(snapshot, deps, (list) => list.filter((name) => name !== FINALIZER));
}

/** The object on its way out, so that the next decision is about its end. */
export async function deleteSequence(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { namespace, name, uid, resourceVersion } = snapshot.object.metadata;
  try {
    const answer = await deps.client.request<{ readonly kind: string }>({
      method: 'DELETE',
      path: objectPath(SEQUENTIAL_JOBS, namespace, name),
      // The version too: its time to live may just have been prolonged.
      body: { propagationPolicy: 'Background', preconditions: { uid, resourceVersion } },
    });
    if (answer.kind === 'SequentialJob') return withServerState(snapshot, toSequentialJob(answer), deps);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  // Nothing held it: it is gone.
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
    // A merge patch replaces the whole list: the resource version keeps other people's finalizers safe.
    body: { metadata: { resourceVersion, finalizers: change(finalizers) } },
  });
  return withServerState(snapshot, toSequentialJob(answer), deps);
}
