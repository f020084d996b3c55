/** The validating webhook: validates created and updated objects. Pure. */
import { CRON } from '../shared/api/group.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { MAX_ERRORS, limitErrors } from '../shared/validation/error-limit.ts';
import { formatFieldError, Path, type FieldError } from '../shared/validation/field-error.ts';
import {
  readUserObject,
  type UserObject,
  type ValidationOptions,
  validateNamespace,
  validateSequentialJob,
} from '../shared/validation/index.ts';
import { reportDifferences } from '../shared/validation/semantic.ts';
import { validateSize } from '../shared/validation/value-limit.ts';
import { jsonEqual } from '../shared/json/json-equal.ts';
import { isPresent, asObject } from '../shared/json/untrusted.ts';
import { rulesFor } from './resource-rules.ts';
import { allowed, denied, type AdmissionDecision } from './response.ts';
import type { AdmissionRequest } from './review.ts';

/**
 * Answers a validating review with all errors and warnings at once. Only CREATE and UPDATE are validated. `own`: the
 * operator's own namespace.
 */
export function reviewObject(request: AdmissionRequest, own?: string): AdmissionDecision {
  const { operation, subResource, namespace, object, oldObject, bytes } = request;
  if (subResource !== '') return allowed();
  const namespaceErrors = validateNamespace(namespace, own);
  switch (operation) {
    case 'CREATE':
      return reviewNew(object, namespaceErrors, bytes);
    case 'UPDATE':
      return reviewUpdate(oldObject, object, { namespaceErrors, bytes });
    case 'DELETE':
    case 'CONNECT':
      return allowed();
  }
}

function reviewNew(object: unknown, namespaceErrors: readonly FieldError[], bytes: number): AdmissionDecision {
  const user = readUserObject(object);
  return decide(object, [...namespaceErrors, ...objectErrors(user, { bytes })], objectWarnings(user, bytes));
}

/** Compiles the schemas, which takes some hundred milliseconds, so that the first review does not wait for it. */
export function warmUp(): void {
  objectErrors(readUserObject({}));
  objectErrors(readUserObject({ kind: CRON.kind }));
}

/**
 * The errors of an object that is written to its main resource, without the status, which the API server ignores
 * there.
 */
export const objectErrors = (user: UserObject, options: ValidationOptions = {}): readonly FieldError[] =>
  findErrors(user, options).map(({ error }) => error);

interface FoundError {
  /** As the user reads it. */
  readonly error: FieldError;
  /** The same error has the same key in an object with its policies in another order. */
  readonly key: FieldError;
}

function findErrors(user: UserObject, options: ValidationOptions): readonly FoundError[] {
  const { maxErrors = MAX_ERRORS } = options;
  const size = validateSize(user.written, options.bytes);
  if (size.length > 0) return size.map(sameKey);
  const { status: _, ...rest } = asObject<SequentialJob>(user.object) ?? {};
  const errors = rulesFor(rest)
    .validate(rest, options)
    .map((key) => ({ error: user.errorOf(key), key }));
  // With more errors than those, the last one says so.
  if (errors.length > maxErrors || (user.errors.length === 0 && user.leftOver === undefined)) return errors;
  const others = [...user.errors, ...leftOverErrors(user, options)];
  const known = new Set(errors.map(({ error }) => formatFieldError(error)));
  const more = others.filter((error) => !known.has(formatFieldError(error))).map(sameKey);
  const all = [...errors, ...more];
  const andMore = limitErrors(
    all.map(({ error }) => error),
    maxErrors,
  ).slice(maxErrors);
  return [...all.slice(0, maxErrors), ...andMore.map(sameKey)];
}

const sameKey = (error: FieldError): FoundError => ({ error, key: error });

function leftOverErrors({ leftOver }: UserObject, options: ValidationOptions): readonly FieldError[] {
  if (leftOver === undefined) return [];
  return validateSequentialJob(leftOver.object, options).flatMap((error) => leftOver.errorOf(error) ?? []);
}

/** The warnings for an object, in the order of its fields. */
export const objectWarnings = ({ object, warningOf }: UserObject, bytes?: number): readonly string[] =>
  rulesFor(object).warnings(object, bytes).map(warningOf);

/**
 * An update without a change of the spec is allowed whatever the spec contains, and so is one of an object that is
 * being deleted: labels, finalizers and the like must be editable on objects that were stored under other rules. For
 * the same reason, errors and warnings that the stored object already has do not refuse a change of something else,
 * like the API server's ratcheting (KEP-4008). The exception is the error for the namespace, which config/policy
 * enforces as well.
 */
function reviewUpdate(before: unknown, after: unknown, context: UpdateContext): AdmissionDecision {
  const [was, is] = [readUserObject(before), readUserObject(after)];
  if (isBeingDeleted(before) || hasSameSpec(was, is)) return allowed();
  const { namespaceErrors, bytes } = context;
  const size = validateSize(is.written, bytes);
  if (size.length > 0) return denied(after, size);
  const rules = rulesFor(is.object);
  const changes = rules.validateUpdate(was.object, is.object).map(is.errorOf);
  const errors = [...namespaceErrors, ...changes, ...newErrors(was, is, bytes)];
  const warnings = withoutKnown(() => objectWarnings(was, bytes), objectWarnings(is, bytes), String);
  return decide(after, limitErrors(errors, MAX_ERRORS), [...rules.updateWarnings(was.object, is.object), ...warnings]);
}

interface UpdateContext {
  /** The errors for its namespace. */
  readonly namespaceErrors: readonly FieldError[];
  readonly bytes: number;
}

/** Maximum number of errors of a stored object to compare; it has none unless it was stored under other rules. */
const MAX_STORED_ERRORS = 1000;

function newErrors(before: UserObject, after: UserObject, bytes: number): readonly FieldError[] {
  const errors = findErrors(after, { bytes });
  if (errors.length === 0) return [];
  const known = findErrors(before, { bytes, maxErrors: MAX_STORED_ERRORS });
  // With more errors the new ones cannot be determined, and the object must stay editable.
  if (known.length > MAX_STORED_ERRORS) return [];
  // New errors may come after as many old ones.
  const all = known.length === 0 ? errors : findErrors(after, { bytes, maxErrors: known.length + MAX_ERRORS });
  return withoutKnown(
    () => known,
    all,
    ({ key }) => formatFieldError(key),
  ).map(({ error }) => error);
}

function withoutKnown<T>(known: () => readonly T[], found: readonly T[], textOf: (item: T) => string): readonly T[] {
  if (found.length === 0) return found;
  const texts = new Set(known().map(textOf));
  return found.filter((one) => !texts.has(textOf(one)));
}

const decide = (object: unknown, errors: readonly FieldError[], warnings: readonly string[]): AdmissionDecision =>
  errors.length === 0 ? allowed(warnings) : denied(object, errors, warnings);

const isBeingDeleted = (object: unknown): boolean =>
  isPresent(asObject<ObjectMeta>(asObject<SequentialJob>(object)?.metadata)?.deletionTimestamp);

/**
 * Whether both specs have the same meaning: an object that was stored before a default existed has that default too.
 */
function hasSameSpec(before: UserObject, after: UserObject): boolean {
  // What has no place in v1beta1 is not compared itself.
  const outside = ({ errors, leftOver }: UserObject): unknown => [errors, leftOver?.object];
  if (!jsonEqual(outside(before), outside(after))) return false;
  const { specSchema: schema, withDefaults } = rulesFor(after.object);
  const specOf = ({ object }: UserObject): unknown =>
    withDefaults(asObject(asObject<SequentialJob>(object)?.spec) ?? {});
  let same = true;
  reportDifferences(specOf(before), specOf(after), { schema, name: 'spec', at: Path.of('spec') }, () => {
    same = false;
  });
  return same;
}
