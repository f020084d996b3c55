/** Writes a status and tells its events, whatever may come in between: an answer that is lost, an object that is too large. */
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { keyOf } from '../shared/kube/cache.ts';
import { type ApiError, isTooLarge } from '../shared/kube/errors.ts';
import type { UncertainWrites, UnacknowledgedWrite } from './uncertain-writes.ts';
import { report, type ReporterDeps } from './report.ts';
import type { StatusTruncations } from './status-truncations.ts';

export interface StatusReporterDeps extends ReporterDeps {
  readonly uncertainWrites: UncertainWrites;
  readonly statusTruncations: StatusTruncations;
  readonly observer?: StatusObserver | undefined;
}

/** Told of statuses, for metrics. Must not throw. */
export interface StatusObserver {
  /** The API server has this status now, or had it before. */
  reported(before: SequentialJob, after: SequentialJobStatus): void;
}

/**
 * Writes the status, cut where the API server refuses it as too large, and then emits the events; where the answer is
 * lost, it stays in mind what is still to be told. Rejects with ApiError.
 */
export async function reportStatus(
  { object, status: whole, events }: UnacknowledgedWrite,
  deps: StatusReporterDeps,
): Promise<void> {
  const status = deps.statusTruncations.fit(object, whole);
  try {
    await report(object, status, events, deps);
  } catch (error) {
    if (isTooLarge(error)) return writeTruncated({ object, status: whole, events }, error, deps);
    deps.uncertainWrites.record(keyOf(object), error, { object, status, events });
    throw error;
  }
  if (status === undefined) return;
  deps.statusTruncations.written(object);
  deps.uncertainWrites.supersede(keyOf(object));
  deps.observer?.reported(object, status);
}

/** Ends: there is a smallest form of a status. */
async function writeTruncated(refused: UnacknowledgedWrite, error: ApiError, deps: StatusReporterDeps): Promise<void> {
  const { isCut, events } = deps.statusTruncations.refused(refused.object);
  if (isCut) return reportStatus({ ...refused, events: [...events, ...refused.events] }, deps);
  // There is no write that these could follow.
  for (const event of events) deps.events.emit(refused.object, event);
  throw error;
}
