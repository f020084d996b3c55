/** Limits the size of the status, which etcd stores and every watcher receives: 256 KiB with 1000 steps. */
import { truncate } from '../../shared/truncate.ts';
import type { Progress, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';

/** The part of the 256 KiB for the steps, those of `finally` included; the rest is for the conditions, the completed indices and other fields. */
const MAX_STEPS_BYTES = 216 * 1024;

/** Up to this many steps, beside 20 of `finally`, never reach the limit (each is under 2.2 KiB, most of it the message). */
const MAX_UNMEASURED_STEPS = 78;

/** The fields to drop, in this order, from old steps to new ones. Results stay: the Jobs of later steps need them. */
const TIERS: readonly (readonly (keyof StepStatus)[])[] = [
  ['message', 'reason'],
  ['exitCode', 'attempts'],
  ['jobUID', 'jobName'],
];

/**
 * The maximum length of a failure's or obstacle's message, in bytes of UTF-8: the status has it up to four times.
 * Answers of the API server and errors of a spec have no limit of their own.
 */
const MAX_MESSAGE_BYTES = 2048;

/** The message in printable characters, truncated to the limit. */
export const truncateMessage = (message: string): string => truncate(message, MAX_MESSAGE_BYTES);

/** Succeeded steps lose their details first, because they are rarely debugged; ignored failures only if necessary. */
const TRUNCATION_ORDER: readonly StepStatus['state'][] = ['Succeeded', 'Failed'];

/** What is dropped last, of all steps: only results can make that necessary. */
const TIMES: readonly (keyof StepStatus)[] = ['startTime', 'completionTime'];

const CUTS: readonly (readonly [StepStatus['state'], readonly (keyof StepStatus)[]])[] = [
  ...TRUNCATION_ORDER.flatMap((state) => TIERS.map((tier) => [state, tier] as const)),
  ...TRUNCATION_ORDER.map((state) => [state, TIMES] as const),
];

/**
 * The steps, truncated to the limit: details are dropped tier by tier, from the oldest step on, and from all succeeded
 * steps before any failed one. Index, name, state and result always stay, as do the times where there are no results, and
 * all details of the last started step. `last`: the steps of `finally`, which are few and stay as they are.
 */
export function fitSteps(steps: readonly StepStatus[], last: readonly StepStatus[] = []): readonly StepStatus[] {
  if (steps.length <= MAX_UNMEASURED_STEPS && [...steps, ...last].every(({ result }) => result === undefined))
    return steps;
  let total = [...steps, ...last].reduce((sum, step) => sum + bytes(step), 0);
  if (total <= MAX_STEPS_BYTES) return steps;
  const cut = [...steps];
  const lastStarted = steps.findLastIndex(({ state }) => state !== 'Skipped');
  for (const [state, tier] of CUTS) {
    for (let i = 0; i < lastStarted && total > MAX_STEPS_BYTES; i++) {
      const step = cut[i];
      if (step?.state !== state) continue;
      const less = without(step, tier);
      total -= bytes(step) - bytes(less);
      cut[i] = less;
    }
  }
  return cut;
}

function without(step: StepStatus, fields: readonly (keyof StepStatus)[]): StepStatus {
  return Object.fromEntries(
    Object.entries(step).filter(([field]) => !fields.includes(field as keyof StepStatus)),
  ) as unknown as StepStatus;
}

/** Upper bound of the size as JSON in UTF-8: a UTF-16 code unit takes at most three bytes. Results are few and long: they are measured. */
function bytes(step: StepStatus): number {
  const { message = '', reason = '', result, ...rest } = step;
  const resultBytes = result === undefined ? 0 : new TextEncoder().encode(JSON.stringify({ result })).length;
  return JSON.stringify(rest).length + 3 * (message.length + reason.length) + resultBytes + 32;
}

/** Reductions of a status, applied one after the other, for an object that is too large for the full status. */
const TRUNCATIONS: readonly ((status: SequentialJobStatus) => SequentialJobStatus)[] = [
  (status) => withSteps(status, (step) => without(step, ['message'])),
  (status) => withSteps(status, (step, isLast) => (isLast ? step : without(step, TIERS.flat()))),
  withBriefMessages,
  (status) => withSteps(status, (step, isLast) => (isLast ? step : without(step, TIMES))),
];

/** The number of reductions. */
export const MAX_TRUNCATIONS = TRUNCATIONS.length;

/**
 * The status after the first `times` reductions: they drop the messages of the steps, then all details of the steps
 * before the last started one, then shorten other long messages, then drop the times of those steps. Everything that
 * the sequence needs to continue stays.
 */
export function truncateStatus(status: SequentialJobStatus, times: number): SequentialJobStatus {
  return TRUNCATIONS.slice(0, times).reduce((cut, next) => next(cut), status);
}

function withSteps(
  { steps, finally: last, ...status }: SequentialJobStatus,
  change: (step: StepStatus, isLast: boolean) => StepStatus,
): SequentialJobStatus {
  const changed = (list: readonly StepStatus[]): readonly StepStatus[] => {
    const lastStarted = list.findLastIndex(({ state }) => state !== 'Skipped');
    return list.map((step, i) => change(step, i === lastStarted));
  };
  return {
    ...status,
    ...(steps === undefined ? {} : { steps: changed(steps) }),
    ...(last === undefined ? {} : { finally: changed(last) }),
  };
}

/** In UTF-16 code units. */
const MAX_BRIEF_LENGTH = 256;

const brief = (message: string): string =>
  message.length <= MAX_BRIEF_LENGTH ? message : `${message.slice(0, MAX_BRIEF_LENGTH - 1).toWellFormed()}…`;

/** Whether the stored message equals this one, in full or shortened. */
export const isSameMessage = (stored: string, message: string): boolean =>
  stored === message || stored === brief(message);

function withBriefMessages({ conditions = [], progress, ...status }: SequentialJobStatus): SequentialJobStatus {
  return {
    ...status,
    conditions: conditions.map((condition) => ({ ...condition, message: brief(condition.message) })),
    ...(progress === undefined ? {} : { progress: withBriefFailure(progress) }),
  };
}

function withBriefFailure({ failureMessage, ...progress }: Progress): Progress {
  return { ...progress, ...(failureMessage === undefined ? {} : { failureMessage: brief(failureMessage) }) };
}
