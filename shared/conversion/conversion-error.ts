import { type FieldError, formatFieldError } from '../validation/field-error.ts';

/** An object that cannot be converted. The message begins with the path of the field, in the version of the object. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
}

/** Receives what is wrong with an object, with its path in the version of the object. If it returns, conversion goes on. */
export type OnProblem = (problem: FieldError) => void;

/** Throws ConversionError. */
export const fail: OnProblem = (problem) => {
  throw new ConversionError(formatFieldError(problem));
};
