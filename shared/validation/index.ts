/**
 * Validation of SequentialJobs: one verdict for the webhook, the controller and the command line. Everything here is
 * pure and total: it takes any value that JSON can hold, never throws, reports its faults at once (the first hundred) and in a
 * fixed order (metadata, the steps in order, the template, the other fields, the step policies), and changes nothing.
 */
import type { SequentialJob } from '../api/types.ts';
import { MAX_ERRORS, limitErrors, collectErrors } from './error-limit.ts';
import type { FieldError } from './field-error.ts';
import { mergeFaults } from './merge-errors.ts';
import { metadataFaults } from './metadata.ts';
import { schemaErrors } from './schema.ts';
import { lengthFaults, sizeFaults } from './value-limit.ts';
import { specFaults } from './spec.ts';
import { asObject } from '../json/untrusted.ts';

export {
  formatErrorBody,
  formatFieldError,
  formatFieldErrors,
  type FieldError,
  type FieldErrorType,
} from './field-error.ts';
export {
  immutablePart as frozenPart,
  effectiveSpec as heldSpec,
  type EffectiveSpecResult as HeldSpec,
} from './effective-spec.ts';
export { namespaceFaults } from './metadata.ts';
export { updateWarnings, validateUpdate } from './update.ts';
export { warningsFor } from './warnings.ts';

/** How an object is judged. */
export interface ValidationOptions {
  /** How long its JSON is, or more, where that is known. */
  readonly bytes?: number | undefined;
  /** Of how many faults it is told; default 100. */
  readonly most?: number;
}

/**
 * Validates an object whose structure nobody has checked: the schema first, then the rules, on whatever is sound. Where there are
 * more faults than are told, the last one says so. The first call compiles the schema.
 */
export function validateSequentialJob(object: unknown, judging: ValidationOptions = {}): readonly FieldError[] {
  const { bytes, most = MAX_ERRORS } = judging;
  const job = asObject<SequentialJob>(object);
  const rules = collectErrors(most, (faults) => {
    faults.push(...lengthFaults(job?.spec, bytes));
    metadataFaults(job?.metadata, faults);
    specFaults(job?.spec, faults);
  });
  return limitErrors(mergeFaults(schemaErrors(object), rules), most);
}

/**
 * Validates the spec of an object that came from the API server, which has checked it against the schema: the rules
 * only. It costs some four microseconds for a step with variables, mounts and resources, and it is asked before the start alone.
 */
export function validateSpec(spec: unknown): readonly FieldError[] {
  const size = sizeFaults({ spec });
  if (size.length > 0) return size;
  const rules = collectErrors(MAX_ERRORS, (faults) => {
    faults.push(...lengthFaults(spec));
    specFaults(spec, faults);
  });
  return limitErrors(rules, MAX_ERRORS);
}
