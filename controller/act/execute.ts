/**
 * Executes actions and returns their results. Every action may be repeated: names are deterministic, deletions name the
 * UID, patches name the resourceVersion or set a value that is already set.
 */
import type { Action, Snapshot } from '../decide/index.ts';
import { createClaims } from './create-claims.ts';
import { createJob } from './create-job.ts';
import { deleteJobs, deleteStrayJobs } from './delete-jobs.ts';
import type { ExecuteDeps } from './deps.ts';
import { addFinalizer, deleteSequence, removeFinalizer } from './finalizers.ts';
import { checkDependencies, confirmJob, inspectEvents, inspectPods } from './lookups.ts';
import { patchJob } from './patch-job.ts';

/**
 * Executes the actions in order. Returns the snapshot after them; rejects with the ApiError of the first action that
 * failed and may succeed later; all actions before it have been executed.
 */
export async function execute(actions: readonly Action[], snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  let current = snapshot;
  for (const action of actions) current = await executeAction(action, current, deps);
  return current;
}

async function executeAction(action: Action, snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  switch (action.type) {
    case 'AddFinalizer':
      return addFinalizer(snapshot, deps);
    case 'RemoveFinalizer':
      return removeFinalizer(snapshot, deps);
    case 'CreateClaims':
      return createClaims(snapshot, deps);
    case 'CreateJob':
      return createJob(action, snapshot, deps);
    case 'Preflight':
      return deps.preflights.run(action, snapshot);
    case 'ConfirmJob':
      return confirmJob(action, snapshot, deps);
    case 'DeleteJobs':
      return deleteJobs(action.jobs, snapshot, deps);
    case 'DeleteStrayJobs':
      return deleteStrayJobs(action.jobs, snapshot, deps);
    case 'SuspendJob':
    case 'UnsuspendJob':
    case 'TerminateJob':
    case 'TerminatePendingJob':
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
