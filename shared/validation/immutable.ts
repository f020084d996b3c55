import { invalid, invalidWhole, type FieldError, type Path } from './field-error.ts';

/**
 * A field that may not have changed, as apimachinery's ValidateImmutableField says it (pkg/api/validation/objectmeta.go):
 * an invalid value, which is the new one. Structures are not shown; a field that was taken away is `null`.
 */
export function immutable(at: Path, value: unknown, detail: string): FieldError {
  if (value === undefined) return invalid(at, null, detail);
  return typeof value === 'object' && value !== null ? invalidWhole(at, detail) : invalid(at, value, detail);
}

/** The way out that is always there. */
const ANEW = 'to change it, delete the SequentialJob and create it anew';

/** Why something is held: the words for a field of it, and those for putting in or taking out the whole. */
export interface Immutability {
  readonly field: string;
  readonly whole: string;
}

export const IMMUTABILITY = {
  /** It concerns all steps. */
  started: {
    field: `field is immutable after the sequence has started; ${ANEW}`,
    whole: 'after the sequence has started',
  },
  /** The step has run, runs, or is the next to run. */
  reached: {
    field: `field is immutable once the sequence has reached the step; ${ANEW}`,
    whole: 'once the sequence has reached it',
  },
  /** The step is still to come, and the policy is Immutable. */
  ahead: {
    field: 'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change',
    whole: 'after the sequence has started, unless updatePolicy is FutureSteps',
  },
} as const satisfies Readonly<Record<string, Immutability>>;
