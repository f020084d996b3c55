/** Observes a SequentialJob, its Jobs and its Pods as one snapshot to decide on. */
import { hasEnded } from '../shared/api/pod.ts';
import type { SequentialJobStatus, StepStatus } from '../shared/api/types.ts';
import type { Key, KubeObject } from '../shared/kube/cache.ts';
import type { ExecuteDeps } from './act/deps.ts';
import { listJobPods } from './act/list-job-pods.ts';
import type { Snapshot } from './decide/index.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import type { DeletedJobs } from './deleted-jobs.ts';
import type { DeletedPods } from './deleted-pods.ts';
import { type EffectiveSpec, rememberEffectiveSpec, resolveEffectiveSpec } from './effective-spec.ts';
import { type FullObjectDeps, withFullObject } from './with-full-object.ts';
import type { PodListState } from './informers.ts';
import type { QuotaRetries } from './quota-retries.ts';
import type { ReconcileResult } from './reconcile.ts';
import { type ReportDeps, reportByEvent, reportFailure } from './report.ts';
import type { CachedSequentialJob } from './transform.ts';
import { emitEventsOfAppliedWrite, refreshAfterUncertainWrite } from './uncertain-writes.ts';

export interface ObserveDeps extends ExecuteDeps, FullObjectDeps, ReportDeps {
  readonly deletedJobs: DeletedJobs;
  readonly deletedPods: DeletedPods;
  readonly quotaRetries: QuotaRetries;
  /** The operator's own namespace, where SequentialJobs do not run. */
  readonly ownNamespace?: string | undefined;
}

/** What one reconcile works on. */
export interface Observation {
  /** Replaced by the snapshot after the actions. */
  snapshot: Snapshot;
}

type Work = (observation: Observation) => Promise<ReconcileResult>;

/** Retry delay of a reconcile that found no memory for a large object. */
const BUSY_RETRY_MS = 500;

/**
 * Observes the SequentialJob of this key and runs `work` on the observation; does nothing if the object does not exist.
 * Reads the caches, and the API server only where the caches cannot know: after a write of unknown outcome, for a spec
 * that the cache had no memory for, for a changed spec that may be recorded, and for Pods before their first list.
 * Reports a failure of the work and rejects with it.
 */
export async function observe(key: Key, deps: ObserveDeps, work: Work): Promise<ReconcileResult> {
  const exists = await refreshAfterUncertainWrite(key, deps);
  const cached = exists ? deps.sequentialJobs.get(key) : undefined;
  if (cached === undefined) return observeObject(key, undefined, deps, work);
  const outcome = await withFullObject(cached, deps, (stored) => observeObject(key, stored, deps, work));
  return outcome.isBusy ? { requeueAfterMs: BUSY_RETRY_MS } : outcome.result;
}

async function observeObject(
  key: Key,
  stored: CachedSequentialJob | undefined,
  deps: ObserveDeps,
  work: Work,
): Promise<ReconcileResult> {
  emitEventsOfAppliedWrite(key, stored, deps);
  if (stored === undefined) {
    deps.quotaRetries.update(key, key.slice(0, key.indexOf('/')), false);
    return { requeueAfterMs: undefined };
  }
  const { tracked, ...effective } = await reportByEvent(stored, deps, () =>
    resolveEffectiveSpec(stored, deps.revisions),
  );
  const podsState = deps.podsState();
  const observation: Observation = { snapshot: snapshotOf(key, effective, podsState, deps) };
  try {
    observation.snapshot = await withUnlistedPods(observation.snapshot, podsState, deps);
    return await work(observation);
  } catch (error) {
    await reportFailure(error, observation.snapshot, deps);
    throw error;
  } finally {
    rememberEffectiveSpec(tracked, observation.snapshot, deps);
  }
}

/** The snapshot from the caches: the object, its Jobs and the Pods of the last started step. */
function snapshotOf(
  key: Key,
  effective: Omit<EffectiveSpec, 'tracked'>,
  podsState: PodListState,
  deps: ObserveDeps,
): Snapshot {
  const { metadata, status } = effective.object;
  const jobUID = lastStarted(status)?.jobUID;
  const isInNamespace = inSameNamespace(metadata.namespace);
  const pods = jobUID === undefined ? [] : deps.pods.indexed(jobUID).filter(isInNamespace);
  const isForbidden = podsState === 'forbidden';
  return {
    ...effective,
    jobs: [...deps.jobs.indexed(metadata.uid), ...deps.deletedJobs.of(effective.object)].filter(isInNamespace),
    findings: {},
    // Without permission the cache never learns that a running Pod has terminated.
    pods: isForbidden ? pods.filter(hasEnded) : pods,
    ...omitUndefined({
      isInOwnNamespace: metadata.namespace === deps.ownNamespace ? true : undefined,
      preflight: deps.preflights.isDue(effective.object) ? ({ type: 'due' } as const) : undefined,
      deletedPods: jobUID === undefined ? undefined : deps.deletedPods.of(key, jobUID),
      eventLookup: jobUID === undefined ? undefined : deps.eventLookup.cached(jobUID),
      podsForbidden: isForbidden ? true : undefined,
    }),
  };
}

/**
 * Adds the Pods of the last started step from the API server if the cache has no Pod list yet: a new process must not
 * assume that no Pod is left. A finished sequence needs none until its spec changes or a resume is requested.
 */
async function withUnlistedPods(snapshot: Snapshot, podsState: PodListState, deps: ObserveDeps): Promise<Snapshot> {
  const { metadata, spec, status } = snapshot.object;
  const step = lastStarted(status);
  const isActedOn = status?.observedGeneration === metadata.generation && (spec.resume ?? 0) <= (status?.resumes ?? 0);
  const isFinished = status?.completionTime !== undefined && isActedOn;
  if (step?.jobUID === undefined || isFinished || podsState !== 'awaited') return snapshot;
  const isFinally = status?.finally?.includes(step);
  return listJobPods({ uid: step.jobUID, index: step.index, isFinally }, snapshot, deps);
}

/** The last step that was started: it runs, or its Pods may outlive its failure. */
const lastStarted = (status: SequentialJobStatus | undefined): StepStatus | undefined =>
  status?.finally?.findLast(hasJob) ?? status?.steps?.findLast(hasJob);

/** A step that was skipped, or whose Job could not be created, has none. */
const hasJob = ({ jobUID }: StepStatus): boolean => jobUID !== undefined;

/**
 * Clients write owner references and labels themselves, and UIDs are not secret: without this check, the right to
 * create Jobs or Pods in one namespace would be the right to control the sequences of all namespaces.
 */
const inSameNamespace =
  (namespace: string) =>
  ({ metadata }: KubeObject): boolean =>
    metadata.namespace === namespace;
