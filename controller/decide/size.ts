/** Keeps the status within what etcd and every watcher can bear: 256 KiB with 1000 steps. */
import type { StepStatus } from '../../shared/api/types.ts';

/** Of the 256 KiB: room for the conditions, the completed indices and the rest of the status. */
const MAX_STEPS_BYTES = 224 * 1024;

/** Under this many steps not even the longest names reach the limit (each under 2.2 KiB, most of it the message). */
const SMALL = 100;

/** What is left out first, from old steps to new ones, and only of steps that succeeded: nobody debugs those. */
const TIERS: readonly (readonly (keyof StepStatus)[])[] = [
  ['message', 'reason'],
  ['exitCode', 'attempts'],
  ['jobUID', 'jobName'],
];

/**
 * The longest failure or trouble in the status, in UTF-16 code units: it stands there up to three times, of up to
 * three bytes each. The API server's answers and a spec's faults have no limit of their own.
 */
const MAX_MESSAGE = 2048;

/** The message, cut where it is too long; the same each time, or the status would never come to rest. */
export function fitMessage(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE - 1).toWellFormed()}…`;
}

/** The longest message of a step, in bytes of UTF-8. */
const MAX_STEP_MESSAGE_BYTES = 1024;

/** A step's message, cut to 1 KiB between two characters. */
export function fitStepMessage(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= MAX_STEP_MESSAGE_BYTES) return message;
  const head = new TextDecoder().decode(bytes.subarray(0, MAX_STEP_MESSAGE_BYTES - '…'.length * 3));
  return `${head.replace(/\uFFFD+$/, '')}…`;
}

/**
 * The steps, cut to fit: while they are too large, the details of succeeded steps go, tier by tier, the oldest first.
 * Index, name, state and times always stay, and so does all of the last step and of every failed one.
 */
export function fitSteps(steps: readonly StepStatus[]): readonly StepStatus[] {
  if (steps.length <= SMALL) return steps;
  const sizes = steps.map(bytes);
  let total = sizes.reduce((sum, size) => sum + size, 0);
  if (total <= MAX_STEPS_BYTES) return steps;
  const cut = [...steps];
  for (const tier of TIERS) {
    for (let i = 0; i < cut.length - 1 && total > MAX_STEPS_BYTES; i++) {
      const step = cut[i];
      if (step?.state !== 'Succeeded') continue;
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
