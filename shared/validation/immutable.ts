import { invalid, invalidWithoutValue, type FieldError, type Path } from './field-error.ts';

/**
 * The error for a changed immutable field, in the form of apimachinery's ValidateImmutableField
 * (pkg/api/validation/objectmeta.go): an invalid value, namely the new one. Structures are not shown; a removed field
 * is shown as `null`.
 */
export function immutable(at: Path, value: unknown, detail: string): FieldError {
  if (value === undefined) return invalid(at, null, detail);
  return typeof value === 'object' && value !== null ? invalidWithoutValue(at, detail) : invalid(at, value, detail);
}

/** What users can always do. */
const RECREATE_ADVICE = 'to change it, delete the SequentialJob and create it anew';

/** Why something is immutable: the message for a field of it, and the phrase for adding or removing the whole. */
export interface Immutability {
  readonly field: string;
  readonly addOrRemove: string;
}

export const IMMUTABILITY = {
  /** The field applies to all steps. */
  sequenceStarted: {
    field: `field is immutable after the sequence has started; ${RECREATE_ADVICE}`,
    addOrRemove: 'after the sequence has started',
  },
  /** The step has run, is running, or is the next to run. */
  stepReached: {
    field: `field is immutable once the sequence has reached the step; ${RECREATE_ADVICE}`,
    addOrRemove: 'once the sequence has reached it',
  },
  /** The step is still to come, and updatePolicy is Immutable. */
  futureStep: {
    field: 'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change',
    addOrRemove: 'after the sequence has started, unless updatePolicy is FutureSteps',
  },
  /** `finally` with updatePolicy FutureSteps: it may change before its steps run and, for a resume, after the end. */
  finallyRunning: {
    field: 'field is immutable while the steps of finally run; it may change again after the sequence has ended',
    addOrRemove: 'while the steps of finally run',
  },
} as const satisfies Readonly<Record<string, Immutability>>;
