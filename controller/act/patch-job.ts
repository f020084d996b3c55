/** The actions that change a running Job: suspend, unsuspend, terminate. */
import { ENDED_ANNOTATION, ENDED_BECAUSE_ANNOTATION, MANAGER, SUSPENDED_ANNOTATION } from '../../shared/api/group.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import { formatEndedBecause } from '../ended-because.ts';
import type { ExecuteDeps } from './deps.ts';
import { assertOwned, withFinding, withJob } from './snapshot.ts';
import type { Action, Snapshot } from '../decide/index.ts';

type PatchAction = Extract<Action, { type: 'SuspendJob' | 'UnsuspendJob' | 'TerminateJob' | 'TerminatePendingJob' }>;

interface Change {
  readonly metadata?: { readonly annotations: Readonly<Record<string, string | null>> };
  readonly spec: Readonly<Record<string, unknown>>;
}

/**
 * The merge patch (RFC 7386) of the Job. The annotations record that the operator has suspended it, because other
 * clients (queues) suspend Jobs, too, and which deadline has passed, because it may be raised later, or why no container
 * has started, because nothing shows that after the Pods are deleted.
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
    case 'TerminatePendingJob':
      return {
        metadata: { annotations: { [ENDED_BECAUSE_ANNOTATION]: formatEndedBecause(action.because) } },
        spec: { activeDeadlineSeconds: 0 },
      };
  }
}

/**
 * Patches the Job and returns the snapshot with the answer. Rejects with `Conflict` if the Job is deleted: the watch
 * then delivers its last state. Rejects with ApiError.
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
      // The UID guards against a new Job of the same name.
      body: { metadata: { uid, ...metadata }, spec },
    });
    const after = withJob(snapshot, answer, deps);
    // A server that supports the field answers false if another client (an admission webhook) has reset it: the next
    // reconcile tries again.
    if (type !== 'SuspendJob' || answer.spec?.suspend !== undefined) return after;
    deps.capabilities.disableJobSuspend();
    return withFinding(after, name, { type: 'suspendUnsupported' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new ApiError('Conflict', `Job ${namespace}/${name} is gone`, { status: 409, cause: error });
  }
}
