/**
 * Limits the number of reported errors to one hundred. Users act on the first few. To find, sort and format the half
 * a million errors that fit into an object would block all other reviews for a second.
 */
import { type FieldError, type FieldErrors, invalidWithoutValue, Path } from './field-error.ts';

/** Maximum number of reported errors of an object. */
export const MAX_ERRORS = 100;

/** Thrown at the limit to stop validation. */
class LimitReached extends Error {}

class LimitedErrors implements FieldErrors {
  readonly found: FieldError[] = [];
  readonly #maxErrors: number;

  constructor(maxErrors: number) {
    this.#maxErrors = maxErrors;
  }

  push(...errors: readonly FieldError[]): void {
    for (const error of errors) {
      this.found.push(error);
      if (this.found.length > this.#maxErrors) throw new LimitReached();
    }
  }
}

/** The errors that the rules find, in their order; one more than `maxErrors` if there are more. */
export function collectErrors(maxErrors: number, rules: (errors: FieldErrors) => void): readonly FieldError[] {
  const bounded = new LimitedErrors(maxErrors);
  try {
    rules(bounded);
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error;
  }
  return bounded.found;
}

/** The first `maxErrors` errors and, if there are more, a last one that says so. */
export function limitErrors(errors: readonly FieldError[], maxErrors: number): readonly FieldError[] {
  return errors.length <= maxErrors ? errors : [...errors.slice(0, maxErrors), andMore(maxErrors)];
}

const andMore = (maxErrors: number): FieldError =>
  invalidWithoutValue(Path.of('spec'), `has more errors than the ${maxErrors} that are listed`);
