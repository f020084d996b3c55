/** The defaults of a schedule's spec: those of the CRD. The template has none, see `scheduleSchema`. */
import { SCHEDULE_DEFAULTS, type SchedulePolicy } from './schedule.ts';

/** A spec that has them. */
export type WithScheduleDefaults<T extends SchedulePolicy> = T &
  Required<Pick<SchedulePolicy, keyof typeof SCHEDULE_DEFAULTS>>;

/**
 * Sets each absent or `null` field that has a default; keeps all other values, also invalid ones. Pure and idempotent: a spec
 * with all defaults is returned itself.
 */
export function withScheduleDefaults<T extends SchedulePolicy>(spec: T): WithScheduleDefaults<T> {
  const missing = Object.entries(SCHEDULE_DEFAULTS).filter(([name]) => !isPresent(spec[name as keyof typeof spec]));
  return (missing.length === 0 ? spec : { ...spec, ...Object.fromEntries(missing) }) as WithScheduleDefaults<T>;
}

const isPresent = (value: unknown): boolean => value !== undefined && value !== null;
