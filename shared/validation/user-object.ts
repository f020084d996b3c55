/**
 * An object as a user wrote it, in either API version. It is validated in v1beta1, by one set of rules, and its errors
 * and warnings name the fields that the user wrote. Pure.
 */
import { API_VERSION, V1ALPHA1_API_VERSION } from '../api/group.ts';
import type { SequentialJob } from '../api/types.ts';
import { toV1beta1SpecForValidation } from '../conversion/index.ts';
import { V1alpha1Paths } from '../conversion/v1alpha1-paths.ts';
import { asObject } from '../json/untrusted.ts';
import type { FieldError } from './field-error.ts';

export interface UserObject {
  /** In v1beta1. */
  readonly object: unknown;
  /** The errors in places that v1beta1 does not have, in the user's paths. */
  readonly errors: readonly FieldError[];
  /** An error of the object in v1beta1, in the user's paths. */
  readonly errorOf: (error: FieldError) => FieldError;
  /** The same for a warning, which begins with its path. */
  readonly warningOf: (warning: string) => string;
}

/** Accepts any value; what is not v1alpha1 is taken as it is. */
export function readUserObject(object: unknown): UserObject {
  const job = asObject<SequentialJob>(object);
  if (job?.apiVersion !== V1ALPHA1_API_VERSION) {
    return { object, errors: [], errorOf: (error) => error, warningOf: (warning) => warning };
  }
  const paths = new V1alpha1Paths(job.spec);
  const errors: FieldError[] = [];
  const spec = toV1beta1SpecForValidation(job.spec, (problem) => void errors.push(problem));
  return {
    object: { ...job, apiVersion: API_VERSION, ...('spec' in job ? { spec } : {}) },
    errors,
    errorOf: (error) => {
      const field = paths.translate(error.field);
      // Some details repeat the path.
      return field === error.field
        ? error
        : { ...error, field, detail: error.detail.replaceAll(error.field, () => field) };
    },
    warningOf: (warning) => {
      const end = warning.indexOf(': ');
      return `${paths.translate(warning.slice(0, end))}${warning.slice(end)}`;
    },
  };
}
