/** One reconcile to one SequentialJob: observe → decide → act → report. */
import { LABELS } from '../shared/api/group.ts';
import { type ObservedJob, sequentialJobOwner } from '../shared/api/job.ts';
import { EVENT, EVENT_MESSAGE, REASON } from '../shared/api/reasons.ts';
import { hasEnded } from '../shared/api/pod.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../shared/api/types.ts';
import { getCondition } from '../shared/conditions.ts';
import { type Key, keyOf, type KubeObject } from '../shared/kube/cache.ts';
import { ApiError, isApiError } from '../shared/kube/errors.ts';
import { collectionPath, JOBS, objectPath, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import { act, type ActorDeps } from './act/index.ts';
import { recordSpec } from './act/jobs.ts';
import { type Action, decide, type Decision, type Snapshot } from './decide/index.ts';
import type { DeletedJobs } from './deleted-jobs.ts';
import type { DeletedPods } from './deleted-pods.ts';
import { type EffectiveSpec, resolveEffectiveSpec } from './effective-spec.ts';
import type { PodListState } from './informers.ts';
import { listJobPods } from './act/list-job-pods.ts';
import type { TrackedSpec } from './revisions.ts';
import type { QuotaWaiters } from './quota-waiters.ts';
import { toObservedJob, toSequentialJob } from './transform.ts';
import { report } from './report.ts';
import { type FullObjectDeps, withFullObject } from './full-object.ts';
import { type StatusObserver, type StatusReporterDeps, reportStatus } from './report-status.ts';

export interface ReconcilerDeps extends ActorDeps, StatusReporterDeps, FullObjectDeps {
  readonly deletedJobs: DeletedJobs;
  readonly deletedPods: DeletedPods;
  readonly quotaWaiters: QuotaWaiters;
  readonly observer?: ReconcileObserver | undefined;
  /** The operator's own: nothing is run there. */
  readonly ownNamespace?: string | undefined;
}

/** Told of what a reconcile brought, for metrics. Must not throw. */
export interface ReconcileObserver extends StatusObserver {
  /** The actions were carried out. */
  acted(actions: readonly Action[], after: Snapshot): void;
}

export interface ReconcileResult {
  /** Look again after so many milliseconds; undefined: when something changes. */
  readonly requeueAfterMs: number | undefined;
}

/**
 * Decisions of one reconcile at most: what the actions of one brought is the ground of the next. The longest chain is
 * finalizer, preflight, dependencies, Job, a confirmation, Pods, report; more than this is a decision that does not see
 * what its own action did.
 */
const MAX_ROUNDS = 9;

/** When a large object is looked at again that found others before it. */
const NO_ROOM_RETRY_MS = 500;

/** No trouble of the user's: the cache was behind, the object is gone, or we are shutting down. */
const NOT_REPORTED = ['Conflict', 'NotFound', 'Aborted'] as const;

/**
 * Brings the object as far as it can go now, or finds that there is nothing to do. Level-based: it may be called at
 * any time, any number of times. Rejects when it should be called again later: with ApiError for what may pass by
 * itself (the user has then been told already, as far as the API server let us), with anything else for a fault of
 * our own.
 */
export async function reconcile(key: Key, deps: ReconcilerDeps): Promise<ReconcileResult> {
  if (deps.sequentialJobs.get(key) === undefined) deps.uncertainWrites.resolve(key);
  const exists = !deps.uncertainWrites.isPending(key) || (await refreshFromApi(key, deps));
  const kept = exists ? deps.sequentialJobs.get(key) : undefined;
  if (kept === undefined) return reconcileObject(key, undefined, deps);
  const reconciled = await withFullObject(kept, deps, (stored) => reconcileObject(key, stored, deps));
  return reconciled.isBusy ? { requeueAfterMs: NO_ROOM_RETRY_MS } : reconciled.result;
}

async function reconcileObject(
  key: Key,
  stored: SequentialJob | undefined,
  deps: ReconcilerDeps,
): Promise<ReconcileResult> {
  emitDelayedEvents(key, stored, deps);
  const seen = stored === undefined ? undefined : await observe(key, stored, deps);
  if (seen === undefined) {
    deps.quotaWaiters.note(key, key.slice(0, key.indexOf('/')), false);
    return { requeueAfterMs: undefined };
  }
  let { snapshot } = seen;
  try {
    snapshot = await withUnlistedPods(seen, deps);
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const decision = decide(snapshot, deps.now());
      if (decision.actions.length === 0) {
        snapshot = await recordSpecIfStarting(snapshot, decision, deps);
        await reportStatus({ ...decision, object: snapshot.object }, deps);
        const { namespace } = snapshot.object.metadata;
        const againMs = deps.quotaWaiters.note(key, namespace, waitsForQuota(decision.status));
        trackSpec(seen.known, snapshot, deps);
        trackPreflight(snapshot, deps);
        return { requeueAfterMs: againMs ?? decision.requeueAfterMs };
      }
      snapshot = await carryOut(decision, snapshot, deps);
    }
    throw new Error(`the decision about ${key} does not come to rest`);
  } catch (error) {
    trackSpec(seen.known, snapshot, deps);
    deps.uncertainWrites.record(key, error);
    let isTold = false;
    if (!isApiError(error)) emitInternalError(snapshot, error, deps);
    else if (!isApiError(error, ...NOT_REPORTED)) isTold = await reportError(snapshot, error, deps);
    if (isTold || !hasIgnoredFields(snapshot)) trackPreflight(snapshot, deps);
    throw error;
  }
}

/** Carries out the actions of a decision, and gives the snapshot after them. */
async function carryOut(decision: Decision, snapshot: Snapshot, deps: ReconcilerDeps): Promise<Snapshot> {
  const { actions, status, events } = decision;
  const starts = actions.some(({ type }) => type === 'CreateJob');
  // After a restart nobody would know that it has been run.
  if (starts && deps.statusTruncations.isFull(snapshot.object)) {
    throw new ApiError('Invalid', EVENT_MESSAGE.statusRefused(), { status: 413 });
  }
  try {
    const after = await act(actions, snapshot, deps);
    deps.observer?.acted(actions, after);
    for (const action of actions) {
      if ('event' in action && action.event !== undefined) deps.events.emit(after.object, action.event);
    }
    // An object that is going gets no status: its events follow the actions themselves.
    if (status === undefined) {
      await report(after.object, undefined, events, deps);
      deps.uncertainWrites.supersede(keyOf(after.object));
    }
    return after;
  } catch (error) {
    const { object } = snapshot;
    if (status === undefined) deps.uncertainWrites.record(keyOf(object), error, { object, status, events });
    throw error;
  }
}

/** Tells what an earlier reconcile had to say, whose write got through although nobody heard of it. */
function emitDelayedEvents(key: Key, stored: SequentialJob | undefined, deps: ReconcilerDeps): void {
  const unheard = deps.uncertainWrites.takeApplied(key, stored);
  if (unheard === undefined) return;
  const { object, status, events } = unheard;
  for (const event of events) deps.events.emit(object, event);
  if (status !== undefined) deps.observer?.reported(object, status);
}

function waitsForQuota(status: SequentialJobStatus | undefined): boolean {
  const condition = getCondition(status?.conditions, 'ResourcesUnavailable');
  return condition?.status === 'True' && condition.reason === REASON.quotaExceeded;
}

/** A start that is found made, after a crash, is recorded like one that is made: before it is in the status. */
async function recordSpecIfStarting(snapshot: Snapshot, { status }: Decision, deps: ActorDeps): Promise<Snapshot> {
  const starts = snapshot.object.status?.startTime === undefined && status?.startTime !== undefined;
  return starts ? recordSpec(snapshot, deps) : snapshot;
}

/**
 * Asks the API server for the object itself and its Jobs, and tells whether it exists: after a write whose answer was
 * lost, deciding on the caches could start a step whose start is on record, or one whose Job is there under the name that
 * an older spec gave it.
 */
async function refreshFromApi(key: Key, deps: ReconcilerDeps): Promise<boolean> {
  const [namespace = '', name = ''] = key.split('/');
  try {
    const answer = await deps.client.request({ method: 'GET', path: objectPath(SEQUENTIAL_JOBS, namespace, name) });
    const object = toSequentialJob(answer);
    const jobs: ObservedJob[] = [];
    await deps.client.request({
      method: 'GET',
      path: collectionPath(JOBS, namespace),
      query: { labelSelector: `${LABELS.uid}=${object.metadata.uid}` },
      // Anybody may put this label on Jobs, each as large as an object can be.
      onItem: (raw) => {
        const job = toObservedJob(raw);
        if (sequentialJobOwner(job)?.uid === object.metadata.uid) jobs.push(job);
      },
    });
    deps.sequentialJobs.assume(object);
    for (const job of jobs) deps.jobs.assume(job);
    deps.uncertainWrites.resolve(key);
    return true;
  } catch (error) {
    // Its deletion is on the way to the cache.
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

interface Observed {
  readonly snapshot: Snapshot;
  readonly known: TrackedSpec | undefined;
  /** As it was when the Pods were taken from the cache. */
  readonly podsState: PodListState;
}

/** What the caches know of the object, its Jobs and the Pods of the last one. */
async function observe(key: Key, stored: SequentialJob, deps: ReconcilerDeps): Promise<Observed> {
  const { tracked, ...held } = await effectiveSpecOrEvent(stored, deps);
  const job = lastStarted(stored.status)?.jobUID;
  const isNear = inSameNamespace(stored.metadata.namespace);
  const podsState = deps.podsState();
  const near = job === undefined ? [] : deps.pods.indexed(job).filter(isNear);
  // What was running when the permission was lost would run for ever.
  const pods = podsState === 'forbidden' ? near.filter(hasEnded) : near;
  const eventLook = job === undefined ? undefined : deps.eventLookup.cached(job);
  const jobs = [...deps.jobs.indexed(stored.metadata.uid), ...deps.deletedJobs.of(stored)].filter(isNear);
  const preflight = deps.preflights.isDue(held.object) ? { preflight: { type: 'due' } as const } : {};
  const look = eventLook === undefined ? {} : { eventLookup: eventLook };
  const gone = job === undefined ? undefined : deps.deletedPods.of(key, job);
  const deletedPods = gone === undefined ? {} : { deletedPods: gone };
  const unseen = podsState === 'forbidden' ? { podsForbidden: true } : {};
  const own = stored.metadata.namespace === deps.ownNamespace ? { isInOwnNamespace: true } : {};
  const snapshot = { ...held, ...own, ...preflight, ...deletedPods, ...look, ...unseen, jobs, findings: {}, pods };
  return { snapshot, known: tracked, podsState };
}

/**
 * The snapshot with the Pods of the last step that was started, asked for where the cache does not have them yet: a
 * process that is new must not take it that none is left. What is over needs none until its spec changes, or a resume waits.
 */
async function withUnlistedPods({ snapshot, podsState }: Observed, deps: ReconcilerDeps): Promise<Snapshot> {
  const { metadata, spec, status } = snapshot.object;
  const step = lastStarted(status);
  const isActedOn = status?.observedGeneration === metadata.generation && (spec.resume ?? 0) <= (status?.resumes ?? 0);
  const isAtRest = status?.completionTime !== undefined && isActedOn;
  if (step?.jobUID === undefined || isAtRest || podsState !== 'awaited') return snapshot;
  return listJobPods({ uid: step.jobUID, index: step.index }, snapshot, deps);
}

/** The last step that was started: it runs, or its Pods may outlive its failure. */
const lastStarted = (status: SequentialJobStatus | undefined): StepStatus | undefined =>
  status?.steps?.findLast(({ state }) => state !== 'Skipped');

/**
 * Owner references and labels are written by whoever creates an object, and a UID is no secret: without this a right to
 * create Jobs or Pods in one namespace would be one to steer the sequences of all others.
 */
const inSameNamespace =
  (namespace: string) =>
  ({ metadata }: KubeObject): boolean =>
    metadata.namespace === namespace;

/** Which spec is run; where finding out fails, the user is told by an event: nothing has been decided that a status could say. */
async function effectiveSpecOrEvent(stored: SequentialJob, deps: ReconcilerDeps): Promise<EffectiveSpec> {
  try {
    return await resolveEffectiveSpec(stored, deps.revisions);
  } catch (error) {
    if (isApiError(error) && error.code !== 'NotFound' && error.code !== 'Aborted') {
      const message = withoutPorts(error.message);
      deps.events.emit(stored, { type: 'Warning', reason: EVENT.reconciliationFailed, message, series: error.code });
    }
    throw error;
  }
}

/** Keeps in mind which spec was run: the cache's own, where that is the one, so that it costs no memory. */
function trackSpec(
  known: TrackedSpec | undefined,
  { object, bypassedAdmission }: Snapshot,
  deps: ReconcilerDeps,
): void {
  const { uid } = object.metadata;
  const stored = deps.sequentialJobs.get(keyOf(object));
  if (known === undefined || stored?.metadata.uid !== uid) {
    deps.revisions.forget(uid);
    deps.preflights.forget(uid);
    return;
  }
  const isCurrent = known.isOverridden !== true && stored.metadata.generation === known.generation;
  const recorded = known.recorded || bypassedAdmission === true;
  const spec = isCurrent ? deps.objects.specOf(stored) : known.spec;
  // One that there is no room for is not held to what it was, as after a restart.
  if (spec === undefined) deps.revisions.release(uid);
  else deps.revisions.track(uid, { ...known, recorded: recorded, spec });
}

/** Not of an object that has gone meanwhile: nobody would forget it again. */
function trackPreflight({ object, preflight }: Snapshot, { preflights, sequentialJobs }: ReconcilerDeps): void {
  const isThere = sequentialJobs.get(keyOf(object))?.metadata.uid === object.metadata.uid;
  if (!isThere) preflights.forget(object.metadata.uid);
  else if (preflight?.type === 'passed') preflights.remember(object);
}

/** Whether its preflight has something to tell: until that is told, with the next status, the preflight is done again. */
const hasIgnoredFields = ({ preflight }: Snapshot): boolean =>
  preflight?.type === 'passed' && preflight.ignoredFields.length > 0;

/**
 * Tells the user what holds things up, and gives whether that got through; where even that fails, the log has it, and the
 * next reconcile tries again.
 */
async function reportError(snapshot: Snapshot, error: ApiError, deps: ReconcilerDeps): Promise<boolean> {
  const message = withoutPorts(error.message);
  const decision = decide({ ...snapshot, lastError: message }, deps.now());
  const event = { type: 'Warning', reason: EVENT.reconciliationFailed, message, series: error.code } as const;
  // What goes has no status that could say what else was done: that is told when it is.
  const events = decision.status === undefined ? [event] : [...decision.events, event];
  try {
    await reportStatus({ ...decision, events, object: snapshot.object }, deps);
    return true;
  } catch (failure) {
    if (!isApiError(failure)) throw failure;
    return false;
  }
}

/** Go's network errors name the local port, which differs each time: the same trouble should read the same. */
function withoutPorts(message: string): string {
  return message.replace(/(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]{2,45}\]):\d{1,5}->/g, '');
}

/** A fault of our own may sit in the decision itself: no status then, but the user is not left without a word. */
function emitInternalError({ object }: Snapshot, error: unknown, deps: ReconcilerDeps): void {
  const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
  deps.events.emit(object, { type: 'Warning', reason: EVENT.reconciliationFailed, message });
}
