/** One reconcile of one SequentialJob: observe → decide → act → report. */
import type { Key } from '../shared/kube/cache.ts';
import { act, type ActDeps } from './act/index.ts';
import { decide } from './decide/index.ts';
import { observe, type ObserveDeps } from './observe.ts';
import { report, type ReportDeps } from './report.ts';

export type ReconcilerDeps = ObserveDeps & ActDeps & ReportDeps;

export interface ReconcileResult {
  /** Reconcile again after this many milliseconds; undefined: when a watch event or a timer asks for it. */
  readonly requeueAfterMs: number | undefined;
}

/**
 * The maximum number of decisions in one reconcile; each works on the results of the actions before it. The longest
 * expected chain is finalizer, preflight, dependencies, claims, Job, confirmation, Pods, Events, report. A longer one is a bug: a
 * decision that does not see what its own action did.
 */
const MAX_ROUNDS = 9;

/**
 * Advances the SequentialJob as far as possible now; `observe` catches what the callback throws, and reports it. Level-based: it may be called at any time and any number of times.
 * Rejects when it must be called again with backoff: with ApiError for a transient failure (already reported to the
 * user, if the API server accepted the report), with any other error for a bug of the operator.
 */
export async function reconcile(key: Key, deps: ReconcilerDeps): Promise<ReconcileResult> {
  return observe(key, deps, async (observation) => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const decision = decide(observation.snapshot, deps.now());
      if (decision.actions.length === 0) return report(decision, observation, deps);
      observation.snapshot = await act(decision, observation.snapshot, deps);
    }
    throw new Error(`the decision about ${key} still has actions after ${MAX_ROUNDS} rounds`);
  });
}
