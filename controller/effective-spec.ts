/** Which spec a sequence runs: its own, unless that was changed in a way that admission would have refused. */
import type { SequentialJob } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { formatFieldError, effectiveSpec } from '../shared/validation/index.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import { isTrimmed, type ObjectStore } from './object-store.ts';
import type { Preflights } from './preflights.ts';
import type { Snapshot, SpecChange } from './decide/index.ts';
import type { TrackedSpec, Revisions } from './revisions.ts';
import type { CachedSequentialJob } from './transform.ts';

export interface EffectiveSpec {
  /** The object with the spec that is run. */
  readonly object: SequentialJob;
  readonly specChange?: SpecChange;
  /** The object has not started, and no webhook vouches for it, or an older record of its spec is there: it is to be written anew. */
  readonly bypassedAdmission?: boolean;
  /** To be remembered; undefined where nothing needs to be. */
  readonly tracked: TrackedSpec | undefined;
}

/**
 * The object as it is to be run. Costs no request, but for an object that was changed: after a restart one GET, and
 * where a change is refused, or where there is a record already, the write that records it. Rejects with ApiError.
 */
export async function resolveEffectiveSpec(object: CachedSequentialJob, revisions: Revisions): Promise<EffectiveSpec> {
  const { metadata, status } = object;
  // What is over for good, or goes, runs nothing any more; and what rests is held to what it is when it is asked for.
  if (isTrimmed(object) || metadata.deletionTimestamp !== undefined || isTrue(status?.conditions, 'Complete')) {
    return { object, tracked: undefined };
  }
  const generation = metadata.generation ?? 0;
  const known = revisions.tracked(metadata.uid) ?? (await recorded(object, revisions));
  const now: TrackedSpec = { generation, spec: object.spec, recorded: known?.recorded ?? false };
  if (status?.startTime === undefined) {
    const bypassedAdmission = now.recorded || object.finalizerSetByClient === true;
    return { object, tracked: now, ...(bypassedAdmission ? { bypassedAdmission } : {}) };
  }
  if (known === undefined) return { object, tracked: { ...now, ...mayBeRecorded(object) } };
  return known.generation === generation ? withVerdict(object, known) : evaluateChange(object, known, revisions);
}

/** Only an object whose spec was changed once can have a record that says something else. */
async function recorded(object: SequentialJob, revisions: Revisions): Promise<TrackedSpec | undefined> {
  if ((object.metadata.generation ?? 0) <= 1) return undefined;
  const record = await revisions.load(object);
  return record === undefined ? undefined : { ...record, recorded: true };
}

/** Whether an earlier process may have recorded what it started: then a change that is accepted is to replace the record. */
const mayBeRecorded = ({ finalizerSetByClient }: CachedSequentialJob): Pick<TrackedSpec, 'mayBeRecorded'> =>
  finalizerSetByClient === true ? { mayBeRecorded: true } : {};

async function evaluateChange(object: SequentialJob, known: TrackedSpec, revisions: Revisions): Promise<EffectiveSpec> {
  const { spec, change, errors } = effectiveSpec(known.spec, object);
  const generation = object.metadata.generation ?? 0;
  const { recorded, mayBeRecorded } = known;
  const next: TrackedSpec = {
    generation,
    spec,
    recorded: recorded,
    ...(mayBeRecorded === undefined ? {} : { mayBeRecorded }),
  };
  switch (change) {
    case 'none':
      return withVerdict(object, { ...next, ...unreportedChange(object, known) });
    case 'accepted':
      // An older record would be held against it after a restart.
      if (recorded || mayBeRecorded === true) await revisions.record(object, spec, generation);
      return withVerdict(object, { ...next, change: { type: 'accepted' } });
    case 'refused': {
      if (!recorded) await revisions.record(object, known.spec, known.generation);
      const refused: SpecChange = { type: 'refused', faults: errors.map(formatFieldError) };
      return withVerdict(object, { ...next, recorded: true, isOverridden: true, change: refused });
    }
  }
}

/** A change that no status has spoken of yet: another one, of no consequence, came before that. */
function unreportedChange({ status }: SequentialJob, { generation, change }: TrackedSpec): Pick<TrackedSpec, 'change'> {
  return change === undefined || (status?.observedGeneration ?? 0) >= generation ? {} : { change };
}

/** The verdict on this generation stands, whatever the status says by now: the change was judged by that of its time. */
function withVerdict(object: SequentialJob, tracked: TrackedSpec): EffectiveSpec {
  return {
    object: tracked.isOverridden === true ? { ...object, spec: tracked.spec } : object,
    tracked,
    ...(tracked.change === undefined ? {} : { specChange: tracked.change }),
  };
}

export interface TrackDeps {
  readonly sequentialJobs: Cache<SequentialJob>;
  readonly objects: ObjectStore;
  readonly revisions: Revisions;
  readonly preflights: Pick<Preflights, 'forget'>;
}

/**
 * After the work: keeps in memory which spec was run. It is the spec of the cache where that is the one, so that it
 * costs no memory. A spec for which there is no memory is not held against a later change, as after a restart.
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
