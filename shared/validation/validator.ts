/**
 * The validator of the resource's schema, compiled at run time. The release replaces this module by code that was
 * compiled at build time (config/build/bundle.mjs).
 */
import type { ValidateFunction } from 'ajv';
import { compileResourceSchema } from './ajv.ts';

/** Creates the validator, which is slow; see `compileResourceSchema`. */
export function createValidator(): ValidateFunction {
  // Compiles faster; lint, tests and development run it rarely.
  return compileResourceSchema({ optimize: false }).validate;
}
