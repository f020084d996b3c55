/** The defaults of a schedule's spec: those of the CRD. The template has none, see `scheduleSchema`. */
import { SCHEDULE_DEFAULTS, type CronSequentialJobSpec } from './schedule.ts';

/**
 * Sets each absent or `null` field that has a default; keeps all other values, also invalid ones. Pure and idempotent: a spec
 * with all defaults is returned itself.
 */
export function withScheduleDefaults(spec: CronSequentialJobSpec): CronSequentialJobSpec {
  const missing = Object.entries(SCHEDULE_DEFAULTS).filter(([name]) => !isPresent(spec[name as keyof typeof spec]));
  return missing.length === 0 ? spec : { ...spec, ...Object.fromEntries(missing) };
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
