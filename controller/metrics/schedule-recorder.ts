/** Feeds the metrics of schedules. Only observes: it changes no behavior. */
import {
  SCHEDULE_EVENT,
  SCHEDULE_REASON,
  type ScheduleEventDraft,
  type ScheduleEventReason,
} from '../../shared/api/schedule-reasons.ts';
import type { CachedSchedule, ScheduleCondition, ScheduleConditionType } from '../../shared/api/schedule.ts';
import type { Cache, Key } from '../../shared/kube/cache.ts';
import type { WorkQueue } from '../../shared/work-queue/work-queue.ts';
import type { RunObserver } from '../schedules/act/deps.ts';
import type { ScheduleStatusObserver } from '../schedules/write-status.ts';
import type { ControllerMetrics } from './index.ts';
import type { ReconcileOutcome } from './reconcile.ts';
import type { MissedReason, ScheduleState } from './schedules.ts';

export interface ScheduleMetricsRecorderOptions {
  readonly metrics: Pick<ControllerMetrics, 'schedules' | 'scheduleQueue' | 'scheduleReconcile'>;
  readonly queue: WorkQueue;
  readonly workers: number;
  readonly schedules: Cache<CachedSchedule>;
  /** True once the cache has synced. */
  readonly synced: () => boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

const MISSED: Readonly<Partial<Record<ScheduleEventReason, MissedReason>>> = {
  [SCHEDULE_EVENT.missSchedule]: 'given_up',
  [SCHEDULE_EVENT.tooManyMissedTimes]: 'too_many',
};

export class ScheduleMetricsRecorder implements RunObserver, ScheduleStatusObserver {
  readonly #metrics: ScheduleMetricsRecorderOptions['metrics'];
  readonly #now: () => number;

  constructor({ metrics, queue, workers, schedules, synced, now }: ScheduleMetricsRecorderOptions) {
    this.#metrics = metrics;
    this.#now = now;
    metrics.scheduleQueue.follow(() => queue.state());
    metrics.scheduleReconcile.follow(workers, () => queue.inProgress);
    metrics.schedules.follow(() => (synced() ? Iterator.from(schedules.values()).map(stateOf) : undefined));
  }

  /** Runs and counts a reconcile; rejects only if the reconcile rejects. */
  async reconcile(_key: Key, reconcile: () => Promise<ReconcileOutcome>): Promise<void> {
    const since = this.#now();
    const result = await reconcile();
    this.#metrics.scheduleReconcile.reconciled(result, this.#now() - since);
  }

  runCreated(delayMs: number): void {
    this.#metrics.schedules.runStarted(delayMs);
  }

  recorded(events: readonly ScheduleEventDraft[]): void {
    for (const { reason } of events) {
      const missed = MISSED[reason];
      if (missed !== undefined) this.#metrics.schedules.timeMissed(missed);
    }
  }
}

/** The reasons for which the user has to change the schedule. */
const INVALID: ReadonlySet<string> = new Set([SCHEDULE_REASON.invalidSpec, SCHEDULE_REASON.forbiddenNamespace]);

function stateOf({ status, spec }: CachedSchedule): ScheduleState {
  const available = conditionOf(status?.conditions, 'Available');
  if (available?.status === 'False' && INVALID.has(available.reason)) return 'invalid';
  if (spec.suspend === true) return 'suspended';
  return available?.status === 'False' ? 'blocked' : 'active';
}

const conditionOf = (
  conditions: readonly ScheduleCondition[] = [],
  wanted: ScheduleConditionType,
): ScheduleCondition | undefined => conditions.find(({ type }) => type === wanted);
