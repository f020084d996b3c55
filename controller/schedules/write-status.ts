/** Writes the status of a schedule, and then emits the events. */
import type { ScheduleEventDraft } from '../../shared/api/schedule-reasons.ts';
import type { CachedSchedule, CronSequentialJobStatus } from '../../shared/api/schedule.ts';
import { type Cache, keyOf } from '../../shared/kube/cache.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { CRON_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { EventRecorder } from '../events.ts';
import { sendStatus } from '../status-patch.ts';
import type { UncertainWrites } from '../uncertain-writes.ts';
import type { ScheduleDecision } from './decide/types.ts';
import { toCachedSchedule } from './transform.ts';

export interface WriteScheduleStatusDeps {
  readonly client: ApiClient;
  readonly schedules: Cache<CachedSchedule>;
  readonly events: Pick<EventRecorder, 'emit'>;
  readonly uncertainWrites: UncertainWrites<CachedSchedule>;
  readonly observer?: ScheduleStatusObserver | undefined;
}

/** Receives written statuses, for metrics. Must not throw. */
export interface ScheduleStatusObserver {
  /** The API server has stored the status, and these events are emitted. */
  recorded(events: readonly ScheduleEventDraft[]): void;
}

/**
 * Writes the status of a decision if it has changed, and then emits its events. Resolves with the stored object. Rejects
 * with ApiError: `Conflict` if the object has changed since it was read; if the outcome is unknown, `uncertainWrites`
 * keeps the events until the stored object shows it.
 */
export async function writeScheduleStatus(
  { status, events }: Pick<ScheduleDecision, 'status' | 'events'>,
  object: CachedSchedule,
  deps: WriteScheduleStatusDeps,
): Promise<CachedSchedule> {
  const stored = status === undefined ? object : await storeStatus(status, { object, status, events }, deps);
  for (const event of events) deps.events.emit(object, event);
  deps.observer?.recorded(events);
  return stored;
}

async function storeStatus(
  status: CronSequentialJobStatus,
  write: { readonly object: CachedSchedule; readonly status: CronSequentialJobStatus } & Pick<
    ScheduleDecision,
    'events'
  >,
  { client, schedules, uncertainWrites }: WriteScheduleStatusDeps,
): Promise<CachedSchedule> {
  const { object } = write;
  const key = keyOf(object);
  const send = async (): Promise<unknown> => sendStatus(CRON_SEQUENTIAL_JOBS, object, status, client);
  const answer = await uncertainWrites.track(key, send, write);
  uncertainWrites.supersede(key);
  if (answer === undefined) return object;
  const stored = toCachedSchedule(answer);
  schedules.assume(stored);
  return stored;
}
