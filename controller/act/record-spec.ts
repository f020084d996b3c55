/** Records the spec of a sequence before it starts, where no webhook has reviewed it. */
import type { Snapshot } from '../decide/index.ts';
import type { ExecuteDeps } from './deps.ts';

/** Records what is about to be run, where no webhook vouches for it; nothing to do in any other case. */
export async function recordSpec(snapshot: Snapshot, deps: ExecuteDeps): Promise<Snapshot> {
  const { object, bypassedAdmission, specRecorded } = snapshot;
  if (bypassedAdmission !== true || specRecorded === true) return snapshot;
  await deps.revisions.record(object, object.spec, object.metadata.generation ?? 0);
  return { ...snapshot, specRecorded: true };
}
