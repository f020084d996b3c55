/** A schedule as text: what robfig/cron's `ParseStandard` takes, as batch/v1 CronJob does. */
import { parseDuration } from './duration.ts';
import { ExpressionError, parseFields, type CronFields } from './fields.ts';

/** In characters; far more than every expression that means something. */
export const SCHEDULE_MAX_LENGTH = 1024;

/** Two times of one schedule are never closer: runs are named by the minute. */
const MIN_INTERVAL_SECONDS = 60;

export type Expression =
  | { readonly type: 'fields'; readonly fields: CronFields }
  /** From the time before, whatever that is. */
  | { readonly type: 'interval'; readonly seconds: number };

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EVERY = '@every ';

/** White space by Go's `unicode.IsSpace`. */
const SPACE = /[\t-\r \u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+/u;

/** Throws an ExpressionError, and nothing else. */
export function parseExpression(schedule: string): Expression {
  if (schedule.length > SCHEDULE_MAX_LENGTH) {
    throw new ExpressionError(`must have at most ${SCHEDULE_MAX_LENGTH} characters`);
  }
  // pkg/apis/batch/validation validateScheduleFormat.
  if (schedule.includes('TZ')) throw new ExpressionError('cannot use TZ or CRON_TZ in schedule, use timeZone instead');
  if (schedule.startsWith(EVERY)) return interval(schedule.slice(EVERY.length));
  return { type: 'fields', fields: parseFields(split(schedule.startsWith('@') ? expand(schedule) : schedule)) };
}

function interval(duration: string): Expression {
  const seconds = parseDuration(duration);
  if (seconds === undefined) throw new ExpressionError(`"${duration}" is no duration, such as 90m or 1h30m`);
  if (seconds < MIN_INTERVAL_SECONDS) throw new ExpressionError('@every must be at least 1m');
  return { type: 'interval', seconds };
}

function expand(descriptor: string): string {
  const expression = Object.hasOwn(DESCRIPTORS, descriptor) ? DESCRIPTORS[descriptor] : undefined;
  if (expression === undefined) {
    throw new ExpressionError(`must be one of ${Object.keys(DESCRIPTORS).join(', ')} and @every <duration>`);
  }
  return expression;
}

function split(schedule: string): readonly string[] {
  const fields = schedule.split(SPACE).filter((field) => field !== '');
  if (fields.length !== 5) {
    throw new ExpressionError(
      `must have 5 fields (minute, hour, day of month, month, day of week), found ${fields.length}`,
    );
  }
  return fields;
}
