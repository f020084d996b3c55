/**
 * Validation of SequentialJobs: one verdict for the webhook, the controller and the command line. Everything here is
 * pure and total: it takes any value that JSON can hold, never throws, reports all faults at once and in a fixed order
 * (metadata, the steps in order, the template, the other fields, the step policies), and changes nothing.
 */
import type { SequentialJob } from '../api/types.ts';
import type { FieldError } from './field.ts';
import { mergeFaults } from './merge.ts';
import { metadataFaults } from './metadata.ts';
import { MAX_CONSIDERED, schemaErrors } from './schema.ts';
import { lengthFaults } from './size.ts';
import { specFaults } from './spec.ts';
import { part } from './untrusted.ts';

export { formatErrorBody, formatFieldError, formatFieldErrors, type FieldError, type FieldErrorType } from './field.ts';
export { frozenPart, heldSpec, type HeldSpec } from './held-spec.ts';
export { namespaceFaults } from './metadata.ts';
export { updateWarnings, validateUpdate } from './update.ts';
export { warningsFor } from './warnings.ts';

/**
 * Validates an object whose structure nobody has checked: the schema first, then the rules, on whatever is sound. The
 * first call compiles the schema. `bytes`: how long its JSON is, or more, where that is known.
 */
export function validateSequentialJob(object: unknown, bytes?: number): readonly FieldError[] {
  const job = part<SequentialJob>(object);
  const faults: FieldError[] = [...lengthFaults(job?.spec, bytes)];
  metadataFaults(job?.metadata, faults);
  specFaults(job?.spec, faults);
  return mergeFaults(schemaErrors(object), faults.slice(0, MAX_CONSIDERED));
}

/**
 * Validates the spec of an object that came from the API server, which has checked it against the schema: the rules
 * only. It costs one microsecond for a plain step and about three for one with variables, mounts and resources.
 */
export function validateSpec(spec: unknown): readonly FieldError[] {
  const faults: FieldError[] = [...lengthFaults(spec)];
  specFaults(spec, faults);
  return faults;
}
