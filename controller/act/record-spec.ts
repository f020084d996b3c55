/** Records the spec of a sequence before it starts if no webhook has validated it. */
import type { Snapshot } from '../decide/index.ts';
import type { ExecuteDeps } from './deps.ts';

/** Records the spec if no webhook has validated it; does nothing otherwise. Rejects with ApiError. */
export async function recordSpec(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { object, bypassedAdmission, specRecorded } = snapshot;
  if (bypassedAdmission !== true || specRecorded === true) return snapshot;
  await deps.revisions.record(object, object.spec, object.metadata.generation ?? 0);
  return { ...snapshot, specRecorded: true };
}
