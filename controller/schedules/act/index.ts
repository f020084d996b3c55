/** Executes the actions of a decision about a schedule. Every action may be repeated: names follow from times, deletions name the UID. */
import { keyOf } from '../../../shared/kube/cache.ts';
import type { ScheduleAction, ScheduleDecision, ScheduleSnapshot } from '../decide/types.ts';
import { writeScheduleStatus, type WriteScheduleStatusDeps } from '../write-status.ts';
import { confirmRun } from './confirm-run.ts';
import { createRun } from './create-run.ts';
import { deleteRuns } from './delete-runs.ts';
import type { RunDeps } from './deps.ts';

export type ScheduleActDeps = RunDeps & WriteScheduleStatusDeps;

/** Executes the actions in order; returns the snapshot after them. Rejects with the ApiError of the first that failed. */
export async function actOnSchedule(
  decision: ScheduleDecision,
  snapshot: ScheduleSnapshot,
  deps: ScheduleActDeps,
): Promise<ScheduleSnapshot> {
  let current = snapshot;
  for (const action of decision.actions) current = await execute(action, decision, current, deps);
  return current;
}

async function execute(
  action: ScheduleAction,
  decision: ScheduleDecision,
  snapshot: ScheduleSnapshot,
  deps: ScheduleActDeps,
): Promise<ScheduleSnapshot> {
  const track = async <T>(send: () => Promise<T>): Promise<T> =>
    deps.uncertainWrites.track(keyOf(snapshot.object), send);
  switch (action.type) {
    case 'RecordStatus':
      return { ...snapshot, object: await writeScheduleStatus(decision, snapshot.object, deps) };
    case 'CreateRun':
      return track(async () => createRun(action, snapshot, deps));
    case 'ConfirmRun':
      return confirmRun(action, snapshot, deps);
    case 'DeleteRuns':
      return track(async () => deleteRuns(action.runs, snapshot, deps));
  }
}
