/**
 * Validation of SequentialJobs, shared by the webhook, the controller and the command line. Everything here is pure
 * and accepts any JSON value: it never throws, changes nothing, and reports all errors (the first hundred) in a fixed
 * order (metadata, the steps in order, those of `finally`, the template, the other fields).
 */
import type { SequentialJob } from '../api/types.ts';
import { MAX_ERRORS, limitErrors, collectErrors } from './error-limit.ts';
import type { FieldError } from './field-error.ts';
import { mergeErrors } from './merge-errors.ts';
import { validateMetadata } from './metadata.ts';
import { schemaErrors } from './schema.ts';
import { validateLength, validateSize } from './value-limit.ts';
import { validateSpecRules } from './spec.ts';
import { asObject } from '../json/untrusted.ts';

export {
  formatErrorBody,
  formatFieldError,
  formatFieldErrors,
  type FieldError,
  type FieldErrorType,
} from './field-error.ts';
export { immutablePart, effectiveSpec, type EffectiveSpecResult } from './effective-spec.ts';
export { validateNamespace } from './metadata.ts';
export { readUserObject, type UserObject } from './user-object.ts';
export { updateWarnings, validateUpdate } from './update.ts';
export { warningsFor } from './warnings.ts';

/** Options of a validation. */
export interface ValidationOptions {
  /** The length of the object's JSON in bytes, or an upper bound, if known. */
  readonly bytes?: number | undefined;
  /** Maximum number of reported errors; default 100. */
  readonly maxErrors?: number;
}

/**
 * Validates an untrusted object: by the schema, then by the rules, which skip values that the schema refused. If
 * there are more errors than reported, the last one says so. The first call compiles the schema.
 */
export function validateSequentialJob(object: unknown, options: ValidationOptions = {}): readonly FieldError[] {
  const { bytes, maxErrors = MAX_ERRORS } = options;
  const job = asObject<SequentialJob>(object);
  const rules = collectErrors(maxErrors, (errors) => {
    errors.push(...validateLength(job?.spec, bytes));
    validateMetadata(job?.metadata, errors);
    validateSpecRules(job?.spec, errors);
  });
  return limitErrors(mergeErrors(schemaErrors(object), rules), maxErrors);
}

/**
 * Validates the spec of an object from the API server, which has validated it against the schema: the rules only.
 * Takes one microsecond for a plain step, about three for one with variables, mounts and resources.
 */
export function validateSpec(spec: unknown): readonly FieldError[] {
  const size = validateSize({ spec });
  if (size.length > 0) return size;
  const rules = collectErrors(MAX_ERRORS, (errors) => {
    errors.push(...validateLength(spec));
    validateSpecRules(spec, errors);
  });
  return limitErrors(rules, MAX_ERRORS);
}
