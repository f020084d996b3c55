/** Reads a recorded run that the cache does not have; of one without a UID it is not known whether it was created. */
import { toSequentialJob } from '../../transform.ts';
import type { ScheduleAction, ScheduleSnapshot } from '../decide/types.ts';
import { cacheRun, isRunOf } from '../runs.ts';
import type { RunDeps } from './deps.ts';
import { getRun } from './get-run.ts';
import { withFinding, withRun } from './snapshot.ts';

/**
 * Reads the recorded run. Another SequentialJob of the same name does not count, nor does one that the schedule no longer
 * controls. Rejects with ApiError.
 */
export async function confirmRun(
  { name, uid }: Extract<ScheduleAction, { type: 'ConfirmRun' }>,
  snapshot: ScheduleSnapshot,
  deps: RunDeps,
): Promise<ScheduleSnapshot> {
  const answer = await getRun(name, snapshot, deps);
  const found = answer === undefined ? undefined : toSequentialJob(answer);
  const isRecorded = found !== undefined && (uid === undefined || found.metadata.uid === uid);
  if (!isRecorded || !isRunOf(found, snapshot.object)) return withFinding(snapshot, name, { type: 'notFound' });
  return withFinding(withRun(snapshot, cacheRun(answer, deps)), name, { type: 'exists' });
}
