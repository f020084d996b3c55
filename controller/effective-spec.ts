/** Which spec a sequence runs: its own, unless that was changed in a way that admission would have refused. */
import type { SequentialJob } from '../shared/api/types.ts';
import { isTrue } from '../shared/conditions.ts';
import { formatFieldError, heldSpec } from '../shared/validation/index.ts';
import { isCut } from './object-store.ts';
import type { SpecChange } from './decide/index.ts';
import type { Known, Revisions } from './revisions.ts';
import type { CachedSequentialJob } from './transform.ts';

export interface Held {
  /** The object with the spec that is run. */
  readonly object: SequentialJob;
  readonly specChange?: SpecChange;
  /** The object has not started, and no webhook vouches for it, or an older record of its spec is there: it is to be written anew. */
  readonly isUnvouched?: boolean;
  /** To be remembered; undefined where nothing needs to be. */
  readonly known: Known | undefined;
}

/**
 * The object as it is to be run. Costs no request, but for an object that was changed: after a restart one GET, and
 * where a change is refused, or where there is a record already, the write that records it. Rejects with ApiError.
 */
export async function hold(object: CachedSequentialJob, revisions: Revisions): Promise<Held> {
  const { metadata, status } = object;
  // What is over for good, or goes, runs nothing any more; and what rests is held to what it is when it is asked for.
  if (isCut(object) || metadata.deletionTimestamp !== undefined || isTrue(status?.conditions, 'Complete')) {
    return { object, known: undefined };
  }
  const generation = metadata.generation ?? 0;
  const known = revisions.known(metadata.uid) ?? (await recorded(object, revisions));
  const now: Known = { generation, spec: object.spec, recorded: known?.recorded ?? false };
  if (status?.startTime === undefined) {
    const isUnvouched = now.recorded || object.isFinalizerClaimed === true;
    return { object, known: now, ...(isUnvouched ? { isUnvouched } : {}) };
  }
  if (known === undefined) return { object, known: { ...now, ...perhapsRecorded(object) } };
  return known.generation === generation ? asJudged(object, known) : judge(object, known, revisions);
}

/** Only an object whose spec was changed once can have a record that says something else. */
async function recorded(object: SequentialJob, revisions: Revisions): Promise<Known | undefined> {
  if ((object.metadata.generation ?? 0) <= 1) return undefined;
  const record = await revisions.load(object);
  return record === undefined ? undefined : { ...record, recorded: true };
}

/** Whether an earlier process may have recorded what it started: then a change that is accepted is to replace the record. */
const perhapsRecorded = ({ isFinalizerClaimed }: CachedSequentialJob): Pick<Known, 'perhapsRecorded'> =>
  isFinalizerClaimed === true ? { perhapsRecorded: true } : {};

async function judge(object: SequentialJob, known: Known, revisions: Revisions): Promise<Held> {
  const { spec, change, faults } = heldSpec(known.spec, object);
  const generation = object.metadata.generation ?? 0;
  const { recorded, perhapsRecorded } = known;
  const next: Known = { generation, spec, recorded, ...(perhapsRecorded === undefined ? {} : { perhapsRecorded }) };
  switch (change) {
    case 'none':
      return asJudged(object, { ...next, ...untold(object, known) });
    case 'accepted':
      // An older record would be held against it after a restart.
      if (recorded || perhapsRecorded === true) await revisions.record(object, spec, generation);
      return asJudged(object, { ...next, change: { type: 'accepted' } });
    case 'refused': {
      if (!recorded) await revisions.record(object, known.spec, known.generation);
      const refused: SpecChange = { type: 'refused', faults: faults.map(formatFieldError) };
      return asJudged(object, { ...next, recorded: true, held: true, change: refused });
    }
  }
}

/** A change that no status has spoken of yet: another one, of no consequence, came before that. */
function untold({ status }: SequentialJob, { generation, change }: Known): Pick<Known, 'change'> {
  return change === undefined || (status?.observedGeneration ?? 0) >= generation ? {} : { change };
}

/** The verdict on this generation stands, whatever the status says by now: the change was judged by that of its time. */
function asJudged(object: SequentialJob, known: Known): Held {
  return {
    object: known.held === true ? { ...object, spec: known.spec } : object,
    known,
    ...(known.change === undefined ? {} : { specChange: known.change }),
  };
}
