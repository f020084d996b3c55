/**
 * The validator of the resource's schema, compiled where it is asked for. The release has other code in the place of this
 * module, which was compiled when it was built (build.mjs).
 */
import type { ValidateFunction } from 'ajv';
import { compileResourceSchema } from './ajv.ts';

/** Gives the validator. It takes its time, once; see `compileResourceSchema`. */
export function createValidator(): ValidateFunction {
  // Compiled faster, and run once or never: lint, tests and development.
  return compileResourceSchema({ optimize: false }).validate;
}
