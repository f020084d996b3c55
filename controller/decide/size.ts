/** Keeps the status within what etcd and every watcher can bear: 256 KiB with 1000 steps. */
import { truncate } from '../../shared/truncate.ts';
import type { Progress, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';

/** Of the 256 KiB: room for the conditions, the completed indices and the rest of the status. */
const MAX_STEPS_BYTES = 216 * 1024;

/** Under this many steps not even the longest names reach the limit (each under 2.2 KiB, most of it the message). */
const SMALL = 100;

/** What is left out first, from old steps to new ones. */
const TIERS: readonly (readonly (keyof StepStatus)[])[] = [
  ['message', 'reason'],
  ['exitCode', 'attempts'],
  ['jobUID', 'jobName'],
];

/**
 * The longest message of a failure, or of what a step waits for, in bytes of UTF-8: it stands in the status up to four
 * times. The API server's answers and the errors of a spec have no limit of their own.
 */
const MAX_MESSAGE_BYTES = 2048;

/** The message in printable characters, cut where it is too long. */
export const truncateMessage = (message: string): string => truncate(message, MAX_MESSAGE_BYTES);

/** Those that succeeded go first, as nobody debugs them; those that failed and were passed over only where it must be. */
const EXPENDABLE: readonly StepStatus['state'][] = ['Succeeded', 'Failed'];

/**
 * The steps, cut to fit: while they are too large, details go, tier by tier, the oldest first, and all of the succeeded
 * steps before any of the failed ones. Index, name, state and times always stay, and so does all of the last step that
 * was started.
 */
export function fitSteps(steps: readonly StepStatus[]): readonly StepStatus[] {
  if (steps.length <= SMALL) return steps;
  const sizes = steps.map(bytes);
  let total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= MAX_STEPS_BYTES) return steps;
  const cut = [...steps];
  const last = steps.findLastIndex(({ state }) => state !== 'Skipped');
  for (const [state, tier] of EXPENDABLE.flatMap((state) => TIERS.map((tier) => [state, tier] as const))) {
    for (let i = 0; i < last && total > MAX_STEPS_BYTES; i++) {
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

/** Size as JSON in UTF-8, at most: a UTF-16 code unit takes three bytes at most. */
function bytes(step: StepStatus): number {
  const { message = '', reason = '', ...rest } = step;
  return JSON.stringify(rest).length + 3 * (message.length + reason.length) + 32;
}

/** Smaller forms of a status, largest first, for an object that has no room for the whole one. */
const CUTS: readonly ((status: SequentialJobStatus) => SequentialJobStatus)[] = [
  (status) => withSteps(status, (step) => without(step, ['message'])),
  (status) => withSteps(status, (step, isLast) => (isLast ? step : without(step, TIERS.flat()))),
  withBriefMessages,
  (status) => withSteps(status, (step, isLast) => (isLast ? step : without(step, ['startTime', 'completionTime']))),
];

/** How often a status can be cut. */
export const MAX_CUT = CUTS.length;

/**
 * The status, cut `times` times: the messages of the steps go first, then all details of the steps before the last one that was
 * started, then what is long elsewhere, then the times of those steps. What the sequence goes on from always stays.
 */
export function cutStatus(status: SequentialJobStatus, times: number): SequentialJobStatus {
  return CUTS.slice(0, times).reduce((cut, next) => next(cut), status);
}

function withSteps(
  { steps, ...status }: SequentialJobStatus,
  change: (step: StepStatus, isLast: boolean) => StepStatus,
): SequentialJobStatus {
  if (steps === undefined) return status;
  const last = steps.findLastIndex(({ state }) => state !== 'Skipped');
  return { ...status, steps: steps.map((step, i) => change(step, i === last)) };
}

/** In UTF-16 code units. */
const BRIEF = 256;

const brief = (message: string): string =>
  message.length <= BRIEF ? message : `${message.slice(0, BRIEF - 1).toWellFormed()}…`;

/** Whether the status says this already, as a whole or as it is cut. */
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
