/** Writes a status, whatever comes in between: an answer that is lost, a status that is too large for its object. */
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { keyOf } from '../shared/kube/cache.ts';
import { type ApiError, isTooLarge } from '../shared/kube/errors.ts';
import { patchStatus, type PatchStatusDeps } from './status-patch.ts';
import type { StatusTruncations } from './status-truncations.ts';
import type { UnacknowledgedWrite, UncertainWrites } from './uncertain-writes.ts';

export interface WriteStatusDeps extends PatchStatusDeps {
  readonly uncertainWrites: UncertainWrites;
  readonly statusTruncations: StatusTruncations;
  readonly observer?: StatusObserver | undefined;
}

/** Is told of written statuses, for metrics. Must not throw. */
export interface StatusObserver {
  /** The API server has the status `after` now, or had it before. */
  reported(before: SequentialJob, after: SequentialJobStatus): void;
}

/**
 * Writes the status, truncated where the API server refuses it as too large, and then emits the events. Where the answer
 * is lost, `uncertainWrites` keeps the events until it is known whether the status was written. Rejects with ApiError.
 */
export async function writeStatus(write: UnacknowledgedWrite, deps: WriteStatusDeps): Promise<void> {
  const { object, events } = write;
  const status = deps.statusTruncations.fit(object, write.status);
  try {
    const send = async (): Promise<void> => patchStatus(object, status, events, deps);
    await deps.uncertainWrites.watch(keyOf(object), send, { object, status, events });
  } catch (error) {
    if (isTooLarge(error)) return writeTruncated(write, error, deps);
    throw error;
  }
  if (status === undefined) return;
  deps.statusTruncations.written(object);
  deps.uncertainWrites.supersede(keyOf(object));
  deps.observer?.reported(object, status);
}

/** Ends, because there is a smallest form of a status. */
async function writeTruncated(refused: UnacknowledgedWrite, error: ApiError, deps: WriteStatusDeps): Promise<void> {
  const { isCut, events } = deps.statusTruncations.refused(refused.object);
  if (isCut) return writeStatus({ ...refused, events: [...events, ...refused.events] }, deps);
  // No write follows that could bring these events.
  for (const event of events) deps.events.emit(refused.object, event);
  throw error;
}
