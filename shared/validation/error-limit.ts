/**
 * A verdict stops at the first hundred faults. A person acts on the first few; to find, to order and to write out the half a
 * million that fit into an object would hold up everybody else for a second.
 */
import { type FieldError, type FieldErrors, invalidWhole, Path } from './field-error.ts';

/** Faults of an object that are told. */
export const MAX_ERRORS = 100;

/** Thrown where there are enough: nothing more is to be looked at. */
class LimitReached extends Error {}

class LimitedErrors implements FieldErrors {
  readonly found: FieldError[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  push(...faults: readonly FieldError[]): void {
    for (const fault of faults) {
      this.found.push(fault);
      if (this.found.length > this.#most) throw new LimitReached();
    }
  }
}

/** What the rules find, in their order: one more than `most` where there are more. */
export function collectErrors(most: number, rules: (faults: FieldErrors) => void): readonly FieldError[] {
  const bounded = new LimitedErrors(most);
  try {
    rules(bounded);
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error;
  }
  return bounded.found;
}

/** The first `most` of these faults, and where there are more a last one that says so. */
export function limitErrors(faults: readonly FieldError[], most: number): readonly FieldError[] {
  return faults.length <= most ? faults : [...faults.slice(0, most), andMore(most)];
}

const andMore = (most: number): FieldError =>
  invalidWhole(Path.of('spec'), `has more faults than the ${most} that are listed`);
