/** Writes the status as a patch of the changes, and then emits the events. */
import jsonpatch from 'fast-json-patch';
import { MANAGER } from '../shared/api/group.ts';
import type { ObjectMeta, SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import type { Cache } from '../shared/kube/cache.ts';
import { type ApiClient, type ApiRequest, PATCH_TYPE } from '../shared/kube/client.ts';
import { ApiError, isApiError } from '../shared/kube/errors.ts';
import { objectPath, type Resource, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { RecordedEvent } from './event-writer.ts';
import type { EventRecorder } from './events.ts';
import { toSequentialJob } from './transform.ts';

export interface PatchStatusDeps {
  readonly client: ApiClient;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly events: EventRecorder;
}

/**
 * Updates the stored status to `status` and then emits the events; writes nothing if nothing changed. Rejects with
 * ApiError, and emits no event then; the code is `Conflict` if the object has changed since it was read.
 */
export async function patchStatus(
  object: SequentialJob,
  status: SequentialJobStatus | undefined,
  events: readonly RecordedEvent[],
  deps: PatchStatusDeps,
): Promise<void> {
  const answer = status === undefined ? undefined : await sendStatus(SEQUENTIAL_JOBS, object, status, deps.client);
  if (answer !== undefined) deps.sequentialJobs.assume(toSequentialJob(answer));
  for (const event of events) deps.events.emit(object, event);
}

/** An object whose status the operator writes. */
export interface WithStatus {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'resourceVersion'>;
  readonly status?: object;
}

/**
 * Updates the stored status to `status`. Resolves with the stored object, or with undefined if nothing changed. Rejects
 * with ApiError; the code is `Conflict` if the object has changed since it was read.
 */
export async function sendStatus(
  resource: Resource,
  object: WithStatus,
  status: object,
  client: ApiClient,
): Promise<unknown> {
  const body = statusPatch(object, status);
  if (body === undefined) return undefined;
  const { namespace, name } = object.metadata;
  const path = objectPath(resource, namespace, name, 'status');
  return sendPatch(
    { method: 'PATCH', path, query: { fieldManager: MANAGER }, contentType: PATCH_TYPE.json, body },
    client,
  );
}

/** Sends the patch; also rejects with `Conflict` if the patch no longer applies to the stored object. */
async function sendPatch(request: ApiRequest, client: ApiClient): Promise<unknown> {
  try {
    return await client.request(request);
  } catch (error) {
    // If a path no longer exists, the API server rejects the patch before it compares the version. A status that
    // violates the schema is 422 too, but has causes.
    if (!isApiError(error, 'Invalid') || error.causes.length > 0) throw error;
    throw new ApiError('Conflict', error.message, { status: error.status, cause: error });
  }
}

/**
 * The RFC 6902 patch from the stored status to the desired one; undefined if they are equal. Its size depends on the
 * changes, not on the number of steps. It replaces the resourceVersion by the one that was read, so the API server
 * answers 409 if the object has changed (the version in an update must equal the stored one).
 */
export function statusPatch(object: WithStatus, status: object): readonly unknown[] | undefined {
  const before = object.status === undefined ? {} : { status: object.status };
  const changes = jsonpatch.compare(before, { status });
  if (changes.length === 0) return undefined;
  const { resourceVersion } = object.metadata;
  return [{ op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion }, ...changes];
}
