/** The actions that change a Job that runs: suspend it, let it go on, end it. */
import { ENDED_ANNOTATION, MANAGER, SUSPENDED_ANNOTATION } from '../../shared/api/group.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import type { ExecuteDeps } from './deps.ts';
import { assertOwned, withFinding, withJob } from './snapshot.ts';
import type { Action, Snapshot } from '../decide/index.ts';

type PatchAction = Extract<Action, { type: 'SuspendJob' | 'UnsuspendJob' | 'TerminateJob' }>;

interface Change {
  readonly metadata?: { readonly annotations: Readonly<Record<string, string | null>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * What of the Job is to change (RFC 7386). The annotations say whose suspension it is, as others suspend Jobs too (queues
 * do), and which time limit was over, as it may be raised meanwhile.
 */
function changeOf(action: PatchAction, nowMs: number): Change {
  switch (action.type) {
    case 'SuspendJob': {
      const mark = `${action.count} ${toTimestamp(nowMs)}`;
      return { metadata: { annotations: { [SUSPENDED_ANNOTATION]: mark } }, spec: { suspend: true } };
    }
    case 'UnsuspendJob':
      return { metadata: { annotations: { [SUSPENDED_ANNOTATION]: null } }, spec: { suspend: false } };
    case 'TerminateJob':
      return {
        metadata: { annotations: { [ENDED_ANNOTATION]: String(action.seconds) } },
        spec: { activeDeadlineSeconds: 0 },
      };
  }
}

/**
 * Changes the Job, and gives the snapshot with its answer. Rejects with `Conflict` where it is gone: the watch tells that too,
 * with how it ended.
 */
export async function patchJob(action: PatchAction, snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { type, job } = action;
  const { namespace, name, uid } = job.metadata;
  assertOwned(job, snapshot);
  if (type === 'SuspendJob' && !deps.capabilities.suspendsJobs)
    return withFinding(snapshot, name, { type: 'suspendUnsupported' });
  const { metadata, spec } = changeOf(action, deps.now());
  try {
    const answer = await deps.client.request<{ readonly spec?: { readonly suspend?: boolean } }>({
      method: 'PATCH',
      path: objectPath(JOBS, namespace, name),
      query: { fieldManager: MANAGER },
      contentType: PATCH_TYPE.merge,
      // The UID: a namesake that has taken the Job's place is somebody else's.
      body: { metadata: { uid, ...metadata }, spec },
    });
    const after = withJob(snapshot, answer, deps);
    // A server that knows the field says false where somebody else (an admission webhook) has put that back: it is tried again.
    if (type !== 'SuspendJob' || answer.spec?.suspend !== undefined) return after;
    deps.capabilities.disableJobSuspend();
    return withFinding(after, name, { type: 'suspendUnsupported' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new ApiError('Conflict', `Job ${namespace}/${name} is gone`, { status: 409, cause: error });
  }
}
