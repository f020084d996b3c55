/**
 * Decides which spec a sequence runs: the stored one, unless it was changed in a way that admission would have
 * rejected.
 */
import type { SequentialJob } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { formatFieldError, effectiveSpec } from '../shared/validation/index.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import { isTrimmed, type FullObjectCache } from './full-object-cache.ts';
import type { Preflights } from './preflights.ts';
import type { Snapshot, SpecChange } from './decide/index.ts';
import type { TrackedSpec, Revisions } from './revisions.ts';
import type { CachedSequentialJob } from './transform.ts';

export interface EffectiveSpec {
  /** The object with the spec that the operator runs. */
  readonly object: SequentialJob;
  readonly specChange?: SpecChange;
  /**
   * The sequence has not started, and no webhook has validated its spec, or an older ControllerRevision exists: the
   * spec must be recorded.
   */
  readonly bypassedAdmission?: boolean;
  /** The spec to keep in memory; undefined if none is needed. */
  readonly tracked: TrackedSpec | undefined;
}

/**
 * Returns the object with the spec to run. Sends requests only for a changed object: one GET after a restart, and the
 * write of the ControllerRevision if a change is refused or a revision exists. Rejects with ApiError.
 */
export async function resolveEffectiveSpec(object: CachedSequentialJob, revisions: Revisions): Promise<EffectiveSpec> {
  const { metadata, status } = object;
  // A completed or deleted sequence runs nothing more; a finished one without its spec is checked when it is resumed.
  if (isTrimmed(object) || metadata.deletionTimestamp !== undefined || isTrue(status?.conditions, 'Complete')) {
    return { object, tracked: undefined };
  }
  const generation = metadata.generation ?? 0;
  const known = revisions.tracked(metadata.uid) ?? (await recorded(object, revisions));
  const current: TrackedSpec = { generation, spec: object.spec, recorded: known?.recorded ?? false };
  if (status?.startTime === undefined) {
    const bypassedAdmission = current.recorded || object.finalizerSetByClient === true;
    return { object, tracked: current, ...(bypassedAdmission ? { bypassedAdmission } : {}) };
  }
  if (known === undefined) return { object, tracked: { ...current, ...mayBeRecorded(object) } };
  return known.generation === generation ? withVerdict(object, known) : evaluateChange(object, known, revisions);
}

/** Only an object whose spec was changed can have a differing ControllerRevision. */
async function recorded(object: SequentialJob, revisions: Revisions): Promise<TrackedSpec | undefined> {
  if ((object.metadata.generation ?? 0) <= 1) return undefined;
  const record = await revisions.load(object);
  return record === undefined ? undefined : { ...record, recorded: true };
}

/** Whether an earlier process may have recorded the spec: an accepted change must then replace that record. */
const mayBeRecorded = ({ finalizerSetByClient }: CachedSequentialJob): Pick<TrackedSpec, 'mayBeRecorded'> =>
  finalizerSetByClient === true ? { mayBeRecorded: true } : {};

async function evaluateChange(object: SequentialJob, known: TrackedSpec, revisions: Revisions): Promise<EffectiveSpec> {
  const { spec, change, errors } = effectiveSpec(known.spec, object);
  const generation = object.metadata.generation ?? 0;
  const { recorded, mayBeRecorded } = known;
  const next: TrackedSpec = {
    generation,
    spec,
    recorded,
    ...(mayBeRecorded === undefined ? {} : { mayBeRecorded }),
  };
  switch (change) {
    case 'none':
      return withVerdict(object, { ...next, ...unreportedChange(object, known) });
    case 'accepted':
      // After a restart, an older record would cause this change to be refused.
      if (recorded || mayBeRecorded === true) await revisions.record(object, spec, generation);
      return withVerdict(object, { ...next, change: { type: 'accepted' } });
    case 'refused': {
      if (!recorded) await revisions.record(object, known.spec, known.generation);
      const refused: SpecChange = { type: 'refused', errors: errors.map(formatFieldError) };
      return withVerdict(object, { ...next, recorded: true, isOverridden: true, change: refused });
    }
  }
}

/** Keeps the verdict on an earlier change that no status has reported yet, if this change is irrelevant. */
function unreportedChange({ status }: SequentialJob, { generation, change }: TrackedSpec): Pick<TrackedSpec, 'change'> {
  return change === undefined || (status?.observedGeneration ?? 0) >= generation ? {} : { change };
}

/**
 * Applies the verdict on this generation. It does not change with the status: the change was evaluated by the status of
 * its time.
 */
function withVerdict(object: SequentialJob, tracked: TrackedSpec): EffectiveSpec {
  return {
    object: tracked.isOverridden === true ? { ...object, spec: tracked.spec } : object,
    tracked,
    ...(tracked.change === undefined ? {} : { specChange: tracked.change }),
  };
}

export interface TrackDeps {
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: FullObjectCache;
  readonly revisions: Revisions;
  readonly preflights: Pick<Preflights, 'forget'>;
}

/**
 * After the reconcile: keeps the effective spec in memory. It shares the spec with the cache if that is the same, to
 * save memory. A spec that is not kept for lack of memory cannot be compared with a later change, as after a restart.
 */
export function rememberEffectiveSpec(
  tracked: TrackedSpec | undefined,
  { object, bypassedAdmission }: Snapshot,
  { sequentialJobs, objects, revisions, preflights }: TrackDeps,
): void {
  const { uid } = object.metadata;
  const stored = sequentialJobs.get(keyOf(object));
  if (tracked === undefined || stored?.metadata.uid !== uid) {
    revisions.forget(uid);
    preflights.forget(uid);
    return;
  }
  const isCurrent = tracked.isOverridden !== true && stored.metadata.generation === tracked.generation;
  const recorded = tracked.recorded || bypassedAdmission === true;
  const spec = isCurrent ? objects.specOf(stored) : tracked.spec;
  if (spec === undefined) revisions.release(uid);
  else revisions.track(uid, { ...tracked, recorded, spec });
}
