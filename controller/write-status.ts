/** Writes a status and handles lost answers and statuses that are too large for the object. */
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { keyOf } from '../shared/kube/cache.ts';
import { type ApiError, isTooLarge } from '../shared/kube/errors.ts';
import { patchStatus, type PatchStatusDeps } from './status-patch.ts';
import type { StatusTruncations } from './status-truncations.ts';
import type { TrackedWrite, UncertainWrites } from './uncertain-writes.ts';

export interface WriteStatusDeps extends PatchStatusDeps {
  readonly uncertainWrites: UncertainWrites;
  readonly statusTruncations: StatusTruncations;
  readonly observer?: StatusObserver | undefined;
}

/** Receives written statuses, for metrics. Must not throw. */
export interface StatusObserver {
  /** The API server has stored the status `after`. */
  reported(before: SequentialJob, after: SequentialJobStatus): void;
}

/**
 * Writes the status, truncated if the API server rejects it as too large, and then emits the events. If there is no
 * answer in time, or a 5xx, `uncertainWrites` keeps the status and the events: `reportFailure` tries to write the failure at once, and the next
 * reconcile reads the object again and emits the events if the status was written. Rejects with ApiError.
 */
export async function writeStatus(write: TrackedWrite, deps: WriteStatusDeps): Promise<void> {
  const { object, events } = write;
  const status = deps.statusTruncations.fit(object, write.status);
  try {
    const send = async (): Promise<void> => patchStatus(object, status, events, deps);
    await deps.uncertainWrites.track(keyOf(object), send, { object, status, events });
  } catch (error) {
    if (isTooLarge(error)) return writeTruncated(write, error, deps);
    throw error;
  }
  if (status === undefined) return;
  deps.statusTruncations.recordWritten(object);
  deps.uncertainWrites.supersede(keyOf(object));
  deps.observer?.reported(object, status);
}

/** The recursion ends, because the number of truncations is limited. */
async function writeTruncated(refused: TrackedWrite, error: ApiError, deps: WriteStatusDeps): Promise<void> {
  const { canTruncate, events } = deps.statusTruncations.recordTooLarge(refused.object);
  if (canTruncate) return writeStatus({ ...refused, events: [...events, ...refused.events] }, deps);
  // No status write follows that could emit these events.
  for (const event of events) deps.events.emit(refused.object, event);
  throw error;
}
