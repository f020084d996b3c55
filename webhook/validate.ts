/** The validating webhook: may this object be created, may that one be changed so? Pure. */
import { withDefaults } from '../shared/api/defaults.ts';
import type { ObjectMeta, SequentialJob, SequentialJobSpec } from '../shared/api/types.ts';
import { MAX_ERRORS, limitErrors } from '../shared/validation/error-limit.ts';
import { formatFieldError, Path, type FieldError } from '../shared/validation/field-error.ts';
import {
  type ValidationOptions,
  namespaceFaults,
  validateSequentialJob,
  warningsFor,
} from '../shared/validation/index.ts';
import { RESOURCE_SCHEMA } from '../shared/validation/schema.ts';
import { differences } from '../shared/validation/semantic.ts';
import { sizeFaults } from '../shared/validation/value-limit.ts';
import { isPresent, asObject } from '../shared/json/untrusted.ts';
import { updateWarnings, validateUpdate } from '../shared/validation/update.ts';
import { allowed, denied, type AdmissionDecision } from './response.ts';
import type { AdmissionRequest } from './review.ts';

/**
 * Answers a validating review with every fault and every warning at once. Only CREATE and UPDATE are judged. `own`: the
 * operator's own namespace.
 */
export function reviewObject(request: AdmissionRequest, own?: string): AdmissionDecision {
  const { operation, subResource, namespace, object, oldObject, bytes } = request;
  if (subResource !== '') return allowed();
  const place = namespaceFaults(namespace, own);
  switch (operation) {
    case 'CREATE':
      return judge(object, [...place, ...faultsOf(object, { bytes })], warningsFor(object, bytes));
    case 'UPDATE':
      return reviewUpdate(oldObject, object, { place, bytes });
    case 'DELETE':
    case 'CONNECT':
      return allowed();
  }
}

/** Does what the first review would have to wait for: it compiles the schema, which takes some hundred milliseconds. */
export function warmUp(): void {
  faultsOf({});
}

/**
 * The faults of an object that is written through its main resource, which takes no status: what it says there is lost.
 */
export function faultsOf(object: unknown, judging: ValidationOptions = {}): readonly FieldError[] {
  const size = sizeFaults(object, judging.bytes);
  if (size.length > 0) return size;
  const { status: _, ...rest } = asObject<SequentialJob>(object) ?? {};
  return validateSequentialJob(rest, judging);
}

/**
 * An update that leaves the spec as it is passes whatever the spec says, and so does one of an object that is being
 * deleted: labels, finalizers and the like must be movable on objects that were stored under other rules. For the same
 * reason faults and warnings that the stored object has already are not held against a change of something else, as in
 * the API server's own ratcheting (KEP-4008); but for its namespace, which config/policy holds against it as well.
 */
function reviewUpdate(before: unknown, after: unknown, { place, bytes }: Surroundings): AdmissionDecision {
  if (isBeingDeleted(before) || hasSameSpec(before, after)) return allowed();
  const size = sizeFaults(after, bytes);
  if (size.length > 0) return denied(after, size);
  const faults = [...place, ...validateUpdate(before, after), ...newFaults(before, after, bytes)];
  const warnings = unlessIn(() => warningsFor(before, bytes), warningsFor(after, bytes), String);
  return judge(after, limitErrors(faults, MAX_ERRORS), [...updateWarnings(before, after), ...warnings]);
}

interface Surroundings {
  /** The faults of its namespace. */
  readonly place: readonly FieldError[];
  readonly bytes: number;
}

/** Faults of a stored object that are looked at: it has none, unless it was stored under other rules. */
const MAX_STORED_FAULTS = 1000;

function newFaults(before: unknown, after: unknown, bytes: number): readonly FieldError[] {
  const faults = faultsOf(after, { bytes });
  if (faults.length === 0) return faults;
  const known = faultsOf(before, { bytes, most: MAX_STORED_FAULTS });
  // Where it has more, nobody can say which ones are new; and it must stay movable.
  if (known.length > MAX_STORED_FAULTS) return [];
  // New ones may be behind as many old ones.
  const all = known.length === 0 ? faults : faultsOf(after, { bytes, most: known.length + MAX_ERRORS });
  return unlessIn(() => known, all, formatFieldError);
}

function unlessIn<T>(known: () => readonly T[], found: readonly T[], textOf: (one: T) => string): readonly T[] {
  if (found.length === 0) return found;
  const texts = new Set(known().map(textOf));
  return found.filter((one) => !texts.has(textOf(one)));
}

const judge = (object: unknown, faults: readonly FieldError[], warnings: readonly string[]): AdmissionDecision =>
  faults.length === 0 ? allowed(warnings) : denied(object, faults, warnings);

const isBeingDeleted = (object: unknown): boolean =>
  isPresent(asObject<ObjectMeta>(asObject<SequentialJob>(object)?.metadata)?.deletionTimestamp);

const SPEC = { schema: RESOURCE_SCHEMA.properties?.['spec'], name: 'spec', at: Path.of('spec') };

/** Whether the two mean the same: an object stored before a default existed has it all the same. */
function hasSameSpec(before: unknown, after: unknown): boolean {
  let same = true;
  differences(specOf(before), specOf(after), SPEC, () => {
    same = false;
  });
  return same;
}

const specOf = (object: unknown): unknown =>
  withDefaults((asObject(asObject<SequentialJob>(object)?.spec) ?? {}) as SequentialJobSpec);
