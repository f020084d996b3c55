/** One reconcile of one CronSequentialJob: observe → decide → act → report. */
import type { Key } from '../../shared/kube/cache.ts';
import { isRefusal } from '../../shared/kube/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { ReconcileResult } from '../reconcile.ts';
import { actOnSchedule, type ScheduleActDeps } from './act/index.ts';
import type { ScheduleAction, ScheduleDecision, ScheduleSnapshot } from './decide/types.ts';
import { observeSchedule, type ObserveScheduleDeps } from './observe.ts';
import { writeScheduleStatus } from './write-status.ts';

export interface ScheduleReconcilerDeps extends ObserveScheduleDeps, ScheduleActDeps {
  readonly log: Pick<Log, 'warn'>;
  readonly decide: (snapshot: ScheduleSnapshot, nowMs: number) => ScheduleDecision;
}

/** Of runs that somebody keeps from being deleted. */
const RETRY_HISTORY_MS = 5 * 60_000;

/**
 * The maximum number of decisions in one reconcile. The longest expected chain is confirmation of the recorded runs,
 * deletion, record, run, report. A longer one is a bug: a decision that does not see what its own action did.
 */
const MAX_ROUNDS = 9;

/**
 * Starts the run that is due, and deletes the runs that are too many. Level-based: it may be called at any time and any
 * number of times. Rejects when it must be called again with backoff: with ApiError for a transient failure, with any
 * other error for a bug of the operator.
 */
export async function reconcileSchedule(key: Key, deps: ScheduleReconcilerDeps): Promise<ReconcileResult> {
  let snapshot = await observeSchedule(key, deps);
  if (snapshot === undefined) return { requeueAfterMs: undefined };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decision = deps.decide(snapshot, deps.now());
    if (decision.actions.length === 0) {
      await writeScheduleStatus(decision, snapshot.object, deps);
      return { requeueAfterMs: decision.requeueAfterMs };
    }
    if (decision.actions.some(isOfHistory)) return trimHistory(key, decision, snapshot, deps);
    snapshot = await actOnSchedule(decision, snapshot, deps);
  }
  throw new Error(`the decision about ${key} still has actions after ${MAX_ROUNDS} rounds`);
}

const isOfHistory = (action: ScheduleAction): boolean =>
  action.type === 'DeleteRuns' && action.because === 'HistoryLimit';

/**
 * Deletes some of the runs that are too many; all else is recorded. A policy or a webhook that refuses it keeps no run from
 * being started. Rejects with ApiError for a transient failure.
 */
async function trimHistory(
  key: Key,
  decision: ScheduleDecision,
  snapshot: ScheduleSnapshot,
  deps: ScheduleReconcilerDeps,
): Promise<ReconcileResult> {
  try {
    await actOnSchedule(decision, snapshot, deps);
    return { requeueAfterMs: 0 };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    deps.log.warn(
      { cronSequentialJob: key, err: error.message },
      'old runs of a schedule cannot be deleted, will retry',
    );
    return { requeueAfterMs: Math.min(decision.requeueAfterMs ?? RETRY_HISTORY_MS, RETRY_HISTORY_MS) };
  }
}
