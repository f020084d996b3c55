/** The validator of a CronSequentialJob's own fields; the release replaces this module, as validator.ts. */
import type { ValidateFunction } from 'ajv';
import { compileScheduleSchema } from './ajv.ts';

/** Creates the validator, in a few milliseconds. */
export function createScheduleValidator(): ValidateFunction {
  return compileScheduleSchema({ optimize: false }).validate;
}
