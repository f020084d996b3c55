/**
 * The spec that the controller runs if a spec was changed without passing the webhook, by the rules of the webhook
 * (update.ts):
 *
 * - A change is accepted or refused as a whole, as the webhook does: an allowed change of a later step is refused
 *   together with a forbidden one of an earlier step.
 * - Mutable fields (`MUTABLE_FIELDS`) are always taken from the object: a user must be able to suspend a sequence
 *   even if the rest of the change is refused.
 * - `resume` is one of them: it does not affect what runs, and lowering it has no effect (resume.ts).
 */
import type { SequentialJob, SequentialJobSpec } from '../api/types.ts';
import type { FieldError } from './field-error.ts';
import { validateImmutableFields, isBeingDeleted, MUTABLE_FIELDS } from './update.ts';
import { asEntries, asObject } from '../json/untrusted.ts';

export interface EffectiveSpecResult {
  /** The spec to run. */
  readonly spec: SequentialJobSpec;
  /** The result for the immutable fields: unchanged in meaning, changed as allowed, or kept as recorded. */
  readonly change: 'none' | 'accepted' | 'refused';
  /** Why the change was refused; else empty. */
  readonly errors: readonly FieldError[];
}

const NO_ERRORS: readonly FieldError[] = Object.freeze([]);

/**
 * The spec to run for an object whose spec so far was `recorded`. Pure; accepts untrusted values. The result is
 * always an allowed update of `recorded` and, unless the change is refused, the object's own spec and not a copy. A
 * sequence that has not started, or is being deleted, may change freely.
 *
 * The object's status says which steps have started. Call it with the status under which the change was made: with a
 * later status, a step that was still to come when it was changed would count as started.
 */
export function effectiveSpec(recorded: SequentialJobSpec, object: SequentialJob): EffectiveSpecResult {
  const { spec, status, metadata } = object;
  const own = (change: 'none' | 'accepted'): EffectiveSpecResult => ({ spec: object.spec, change, errors: NO_ERRORS });
  if (isBeingDeleted(metadata)) return own('none');
  // With updatePolicy Immutable, every difference of an immutable field is an error.
  if (validateImmutableFields(recorded, { ...asObject(spec), updatePolicy: 'Immutable' }, status).length === 0)
    return own('none');
  const errors = validateImmutableFields(recorded, spec, status);
  return errors.length === 0
    ? own('accepted')
    : { spec: mergeMutableFields(recorded, spec), change: 'refused', errors };
}

/** The fields of a spec that are immutable after the start. */
export function immutablePart(spec: SequentialJobSpec): Partial<SequentialJobSpec> {
  return Object.fromEntries(asEntries(spec).filter(([name]) => !MUTABLE_FIELDS.has(name)));
}

/** A mutable field that is absent now stays absent: that is how a deadline is removed. */
function mergeMutableFields(recorded: SequentialJobSpec, now: unknown): SequentialJobSpec {
  const mutable = Object.fromEntries(asEntries(now).filter(([name]) => MUTABLE_FIELDS.has(name)));
  return { ...immutablePart(recorded), ...mutable } as SequentialJobSpec;
}
