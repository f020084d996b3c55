/** One reconcile of one CronSequentialJob: observe → decide → act → report. */
import type { Key } from '../../shared/kube/cache.ts';
import type { ReconcileResult } from '../reconcile.ts';
import { actOnSchedule, type ScheduleActDeps } from './act/index.ts';
import type { ScheduleDecision, ScheduleSnapshot } from './decide/types.ts';
import { observeSchedule, type ObserveScheduleDeps } from './observe.ts';
import { writeScheduleStatus } from './write-status.ts';

export interface ScheduleReconcilerDeps extends ObserveScheduleDeps, ScheduleActDeps {
  readonly decide: (snapshot: ScheduleSnapshot, nowMs: number) => ScheduleDecision;
}

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
    snapshot = await actOnSchedule(decision, snapshot, deps);
  }
  throw new Error(`the decision about ${key} still has actions after ${MAX_ROUNDS} rounds`);
}
