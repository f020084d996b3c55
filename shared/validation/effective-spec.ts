/**
 * The spec that a sequence runs when its object says another one: what the controller does about a change that no
 * webhook has seen, by the webhook's own rules (update.ts).
 *
 * - A change is judged as a whole, as the webhook would have: a legal change of a later step that comes together with
 *   an illegal one of an earlier step is not followed either.
 * - What may change at any time (`MUTABLE`) is followed in any case: a user must be able to suspend a sequence also
 *   where the rest of its spec is not followed.
 * - `resume` is among that: whether it may be raised is no question of what runs, and lowering it does nothing (resume.ts).
 */
import type { SequentialJob, SequentialJobSpec } from '../api/types.ts';
import type { FieldError } from './field-error.ts';
import { frozenFaults, isBeingDeleted, MUTABLE } from './update.ts';
import { asEntries, asObject } from '../json/untrusted.ts';

export interface EffectiveSpecResult {
  /** What to run. */
  readonly spec: SequentialJobSpec;
  /** What became of the frozen part: it means the same, it changed as it may, or it is kept as it was recorded. */
  readonly change: 'none' | 'accepted' | 'refused';
  /** Why it was refused; else empty. */
  readonly faults: readonly FieldError[];
}

const NO_FAULTS: readonly FieldError[] = Object.freeze([]);

/**
 * What to run of an object, when `recorded` is what it ran until now. Pure and total. What it gives is always a legal
 * update of `recorded`, and, unless the change is refused, the object's own spec, not a copy. What has not started, or
 * is being deleted, is held to nothing.
 *
 * The object's status says how far the sequence has come, so ask while that is the status under which the change was
 * made: later on, a step that was changed while it was still to come would look as if it were not.
 */
export function effectiveSpec(recorded: SequentialJobSpec, object: SequentialJob): EffectiveSpecResult {
  const { spec, status, metadata } = object;
  const own = (change: 'none' | 'accepted'): EffectiveSpecResult => ({ spec: object.spec, change, faults: NO_FAULTS });
  if (isBeingDeleted(metadata)) return own('none');
  // Under Immutable, every difference of the frozen part is a fault.
  if (frozenFaults(recorded, { ...asObject(spec), updatePolicy: 'Immutable' }, status).length === 0) return own('none');
  const faults = frozenFaults(recorded, spec, status);
  return faults.length === 0
    ? own('accepted')
    : { spec: mergeMutableFields(recorded, spec), change: 'refused', faults };
}

/** The part of a spec that a started sequence is held to. */
export function immutablePart(spec: SequentialJobSpec): Partial<SequentialJobSpec> {
  return Object.fromEntries(asEntries(spec).filter(([name]) => !MUTABLE.has(name)));
}

/** A mutable field that is absent now is absent: that is how a deadline is taken away. */
function mergeMutableFields(recorded: SequentialJobSpec, now: unknown): SequentialJobSpec {
  const mutable = Object.fromEntries(asEntries(now).filter(([name]) => MUTABLE.has(name)));
  return { ...immutablePart(recorded), ...mutable } as SequentialJobSpec;
}
