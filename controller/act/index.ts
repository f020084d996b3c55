/**
 * Carries out what was decided, and says what it learned. Every action may be repeated: names are fixed, deletions
 * name the UID, patches name the resource version or say what is so already.
 */
import { FINALIZER, MANAGER } from '../../shared/api/group.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { checkDependencies, inspectEvents, inspectPods } from './lookups.ts';
import { type ActorDeps, confirmJob, createJob, deleteJobs, deleteStrayJobs, recordSpec } from './jobs.ts';
import { patchJob } from './patch-job.ts';
import type { Action, Snapshot } from '../decide/index.ts';
import { toSequentialJob } from '../transform.ts';

export type { ActorDeps } from './jobs.ts';

/**
 * Carries out the actions in order. Returns the snapshot as it is after them; rejects with the ApiError of the first
 * action that may go well later, everything before it having been done.
 */
export async function act(actions: readonly Action[], snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  let current = snapshot;
  for (const action of actions) current = await execute(action, current, deps);
  return current;
}

async function execute(action: Action, snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  switch (action.type) {
    case 'AddFinalizer':
      return addFinalizer(snapshot, deps);
    case 'RemoveFinalizer':
      return patchFinalizers(snapshot, deps, (list) => list.filter((name) => name !== FINALIZER));
    case 'CreateJob':
      return createJob(action, snapshot, deps);
    case 'Preflight':
      return deps.preflights.ask(action, snapshot);
    case 'ConfirmJob':
      return confirmJob(action, snapshot, deps);
    case 'DeleteJobs':
      return deleteJobs(action.jobs, snapshot, deps);
    case 'DeleteStrayJobs':
      return deleteStrayJobs(action.jobs, snapshot, deps);
    case 'SuspendJob':
    case 'UnsuspendJob':
    case 'TerminateJob':
      return patchJob(action, snapshot, deps);
    case 'InspectPods':
      return inspectPods(action.job, snapshot, deps);
    case 'InspectEvents':
      return inspectEvents(action, snapshot, deps);
    case 'CheckDependencies':
      return checkDependencies(action, snapshot, deps);
    case 'DeleteSequence':
      return deleteSequence(snapshot, deps);
  }
}

/**
 * Before the start, a finalizer that is missing says that no webhook has seen the object. Its spec is recorded first. One that is
 * there is no proof of the contrary (`isFinalizerClaimed`).
 */
async function addFinalizer(snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
  const isNew = snapshot.object.status?.startTime === undefined;
  const before = isNew ? await recordSpec({ ...snapshot, bypassedAdmission: true }, deps) : snapshot;
  return patchFinalizers(before, deps, (list) => [...list, FINALIZER]);
}

/** The object on its way out, so that the next decision is about its end. */
async function deleteSequence(snapshot: Snapshot, deps: ActorDeps): Promise<Snapshot> {
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
  deps: ActorDeps,
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

/**
 * The answer to our own write. The version that it was guarded by keeps the spec the same: the one that is run stays. An
 * object that nothing holds any more is gone, though the answer has the version of before (apiserver
 * pkg/registry/generic/registry/store.go deleteWithoutFinalizers).
 */
function withServerState(snapshot: Snapshot, object: SequentialJob, deps: ActorDeps): Snapshot {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined && finalizers.length === 0) deps.sequentialJobs.remove(object);
  else deps.sequentialJobs.assume(object);
  return { ...snapshot, object: { ...object, spec: snapshot.object.spec } };
}
