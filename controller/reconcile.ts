/** One visit to one SequentialJob: observe → decide → act → report. */
import { EVENT } from '../shared/api/reasons.ts';
import { type Key, keyOf } from '../shared/kube/cache.ts';
import { type ApiError, isApiError } from '../shared/kube/errors.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import { act, type ActorDeps } from './act.ts';
import { decide, type Snapshot } from './decide/index.ts';
import { toSequentialJob } from './transform.ts';
import { report, type ReporterDeps } from './report.ts';

export interface ReconcilerDeps extends ActorDeps, ReporterDeps {
  /** Keys whose last visit ended in a request of unknown outcome: what the cache says of them may be behind our own write. */
  readonly doubtful: Set<Key>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface Result {
  /** Look again after so many milliseconds; undefined: when something changes. */
  readonly requeueAfterMs: number | undefined;
}

/**
 * Decisions of one visit at most: what the actions of one brought is the ground of the next. The longest chain is
 * finalizer, Job, report; more than this is a decision that does not see what its own action did.
 */
const MAX_ROUNDS = 8;

/** No trouble of the user's: the cache was behind, the object is gone, or we are shutting down. */
const QUIET = ['Conflict', 'NotFound', 'Aborted'] as const;

/**
 * Brings the object as far as it can go now, or finds that there is nothing to do. Level-based: it may be called at
 * any time, any number of times. Rejects when it should be called again later: with ApiError for what may pass by
 * itself (the user has then been told already, as far as the API server let us), with anything else for a fault of
 * our own.
 */
export async function reconcile(key: Key, deps: ReconcilerDeps): Promise<Result> {
  const exists = !deps.doubtful.has(key) || (await lookAgain(key, deps));
  const seen = exists ? observe(key, deps) : undefined;
  if (seen === undefined) return { requeueAfterMs: undefined };
  const now = deps.now();
  let snapshot = seen;
  try {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const decision = decide(snapshot, now);
      if (decision.actions.length === 0) {
        await report(snapshot.object, decision.status, decision.events, deps);
        return { requeueAfterMs: decision.requeueAfterMs };
      }
      snapshot = await act(decision.actions, snapshot, deps);
      // An object that is going gets no status: its events follow the actions themselves.
      if (decision.status === undefined) await report(snapshot.object, undefined, decision.events, deps);
    }
    throw new Error(`the decision about ${key} does not come to rest`);
  } catch (error) {
    noteDoubt(key, error, deps);
    if (!isApiError(error)) tellFault(snapshot, error, deps);
    else if (!isApiError(error, ...QUIET)) await reportTrouble(snapshot, error, deps);
    throw error;
  }
}

/** Remembers a request that may have been carried out: it got no answer, or one that the server gave while failing. */
function noteDoubt(key: Key, error: unknown, { doubtful }: ReconcilerDeps): void {
  if (isApiError(error) && (error.status === undefined || error.status >= 500)) doubtful.add(key);
}

/**
 * Asks the API server for the object itself, and tells whether it exists: after a status write whose answer was lost,
 * deciding on the cache could start a step whose start is on record.
 */
async function lookAgain(key: Key, deps: ReconcilerDeps): Promise<boolean> {
  const [namespace = '', name = ''] = key.split('/');
  try {
    const answer = await deps.client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, namespace, name) });
    deps.sequentialJobs.assume(toSequentialJob(answer));
    deps.doubtful.delete(key);
    return true;
  } catch (error) {
    // Its deletion is on the way to the cache.
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

/** What the caches know of the object and its Jobs; undefined when it is gone. */
function observe(key: Key, deps: ActorDeps): Snapshot | undefined {
  const object = deps.sequentialJobs.get(key);
  return object === undefined ? undefined : { object, jobs: deps.jobs.indexed(object.metadata.uid), findings: {} };
}

/** Tells the user what holds things up; where even that fails, the log has it, and the next visit tries again. */
async function reportTrouble(snapshot: Snapshot, error: ApiError, deps: ReconcilerDeps): Promise<void> {
  const message = withoutPorts(error.message);
  const decision = decide({ ...snapshot, trouble: message }, deps.now());
  const event = { type: 'Warning', reason: EVENT.reconciliationFailed, message, series: error.code } as const;
  try {
    await report(snapshot.object, decision.status, [...decision.events, event], deps);
  } catch (failure) {
    if (!isApiError(failure)) throw failure;
    noteDoubt(keyOf(snapshot.object), failure, deps);
  }
}

/** Go's network errors name the local port, which differs each time: the same trouble should read the same. */
function withoutPorts(message: string): string {
  return message.replace(/(?:\d+(?:\.\d+){3}|\[[0-9a-fA-F:]+\]):\d+->/g, '');
}

/** A fault of our own may sit in the decision itself: no status then, but the user is not left without a word. */
function tellFault({ object }: Snapshot, error: unknown, deps: ReconcilerDeps): void {
  const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
  deps.events.emit(object, { type: 'Warning', reason: EVENT.reconciliationFailed, message });
}
