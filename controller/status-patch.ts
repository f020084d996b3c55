/** Writes the status, once, as a patch of what changed, and emits the events after it was accepted. */
import jsonpatch from 'fast-json-patch';
import { MANAGER } from '../shared/api/group.ts';
import type { EventDraft } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import type { Cache } from '../shared/kube/cache.ts';
import { type ApiClient, type ApiRequest, PATCH_TYPE } from '../shared/kube/client.ts';
import { ApiError, isApiError } from '../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import type { EventRecorder } from './events.ts';
import { toSequentialJob } from './transform.ts';

export interface PatchStatusDeps {
  readonly client: ApiClient;
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly events: EventRecorder;
}

/**
 * Brings the stored status to `status` and then emits the events; writes nothing where nothing changed. Rejects with
 * ApiError; `Conflict` when the object is not any more what was looked at: then no event was emitted either.
 */
export async function patchStatus(
  object: SequentialJob,
  status: SequentialJobStatus | undefined,
  events: readonly EventDraft[],
  deps: PatchStatusDeps,
): Promise<void> {
  const patch = status === undefined ? undefined : statusPatch(object, status);
  if (patch !== undefined) {
    const { namespace, name } = object.metadata;
    const answer = await sendPatch(
      {
        method: 'PATCH',
        path: objectPath(SEQUENTIAL_JOBS, namespace, name, 'status'),
        query: { fieldManager: MANAGER },
        contentType: PATCH_TYPE.json,
        body: patch,
      },
      deps.client,
    );
    deps.sequentialJobs.assume(toSequentialJob(answer));
  }
  for (const event of events) deps.events.emit(object, event);
}

/** Sends the patch; rejects with `Conflict` also where the patch no longer fits the object that is stored. */
async function sendPatch(request: ApiRequest, client: ApiClient): Promise<unknown> {
  try {
    return await client.request(request);
  } catch (error) {
    // A path that is not there any more fails the patch itself, before the version is compared. A status that breaks
    // the schema is 422 too, but says where.
    if (!isApiError(error, 'Invalid') || error.causes.length > 0) throw error;
    throw new ApiError('Conflict', error.message, { status: error.status, cause: error });
  }
}

/**
 * The RFC 6902 patch from the stored status to the wanted one; undefined where they are equal. It grows with what
 * changed, not with the number of steps. Replacing the resource version by the one that was read makes the API server
 * answer 409 when the object has moved on (the version of an update must be the stored one).
 */
export function statusPatch(object: SequentialJob, status: SequentialJobStatus): readonly unknown[] | undefined {
  const before = object.status === undefined ? {} : { status: object.status };
  const changes = jsonpatch.compare(before, { status });
  if (changes.length === 0) return undefined;
  const { resourceVersion } = object.metadata;
  return [{ op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion }, ...changes];
}
