/**
 * Every reason that the operator writes, in conditions and events, with the words that go with it: programs match
 * reasons, people read messages, and both are kept in this one place. Steps are counted from 0, as `index` is.
 */
import { formatSeconds } from './time.ts';

export const REASON = {
  // Progressing
  pending: 'Pending',
  jobRunning: 'JobRunning',
  starting: 'JobStarting',
  reconciliationError: 'ReconciliationError',
  // Complete, Available
  completed: 'SequenceCompleted',
  notCompleted: 'NotCompleted',
  // Failed, beside the reasons that a Job itself gives
  notFailed: 'NotFailed',
  invalidSpec: 'InvalidSpec',
  jobNameConflict: 'JobNameConflict',
  jobDeleted: 'JobDeleted',
  jobRejected: 'JobRejected',
  // Suspended, ResourcesUnavailable
  notSuspended: 'NotSuspended',
  resourcesAvailable: 'ResourcesAvailable',
} as const;
export type Reason = (typeof REASON)[keyof typeof REASON];

export const EVENT = {
  sequenceStarted: 'SequenceStarted',
  jobStarted: 'JobStarted',
  jobCompleted: 'JobCompleted',
  jobFailed: 'JobFailed',
  sequenceCompleted: 'SequenceCompleted',
  sequenceFailed: 'SequenceFailed',
  reconciliationFailed: 'ReconciliationFailed',
  cleanedUp: 'CleanedUp',
} as const;
export type EventReason = (typeof EVENT)[keyof typeof EVENT];

/**
 * What may happen again and again while nothing changes: one Event with a count, also after a restart. All others are
 * told of once, with the status write that they belong to.
 */
export const REPEATING_EVENTS: ReadonlySet<EventReason> = new Set([EVENT.reconciliationFailed]);

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  readonly message: string;
  /** Of a repeating event: what makes two of them one, where that is not the message. */
  readonly series?: string;
}

/** A failure of the sequence; `index` and `step` are absent where no step is to blame. */
export interface Failure {
  readonly index?: number | undefined;
  readonly step?: string | undefined;
  readonly reason: string;
  readonly message: string;
}

/** `1 (transform)`: how a step is named in messages. */
export function stepLabel(index: number, name: string): string {
  return `${index} (${name})`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

function took(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` in ${formatSeconds(seconds)}`;
}

export const MESSAGE = {
  pending: 'Waiting to start',
  starting: (index: number, name: string): string => `Starting step ${stepLabel(index, name)}`,
  running: (index: number, name: string, total: number): string =>
    `Running step ${stepLabel(index, name)}, ${index + 1} of ${total}`,
  completed: (total: number, seconds?: number): string =>
    `${total === 1 ? 'The only step' : `All ${total} steps`} completed${took(seconds)}`,
  notCompleted: 'The sequence has not completed',
  notFailed: 'No step has failed',
  notSuspended: 'The sequence is not suspended',
  resourcesAvailable: 'Nothing that a step needs is known to be missing',
  failed: (failure: Failure): string =>
    failure.index === undefined
      ? `${failure.reason}: ${failure.message}`
      : `Step ${stepLabel(failure.index, failure.step ?? '')} failed: ${failure.reason}: ${failure.message}`,
  invalidSpec: (faults: readonly string[]): string => `the spec is invalid: ${faults.join('; ')}`,
  jobNameConflict: (job: string, owner: string): string =>
    `a Job named "${job}" exists already and belongs to ${owner}; free the name, or take another one for the SequentialJob, and create it anew`,
  jobDeleted: (job: string): string =>
    `Job "${job}" is gone, and how it ended was not seen; a step is never started twice`,
  jobRejected: (job: string, answer: string): string => `the API server rejected Job "${job}": ${answer}`,
  awaitingName: (job: string, owner: string): string =>
    `Waiting for Job "${job}" to go: it belongs to ${owner} and is being deleted`,
  foreignOwner: {
    none: 'no SequentialJob',
    of: (kind: string, name: string): string => `${kind} "${name}"`,
  },
} as const;

export const EVENT_MESSAGE = {
  sequenceStarted: (total: number): string => `Started the sequence of ${plural(total, 'step')}`,
  jobStarted: (index: number, name: string): string => `Started job ${stepLabel(index, name)}`,
  jobCompleted: (index: number, name: string, seconds?: number): string =>
    `Completed job ${stepLabel(index, name)}${took(seconds)}`,
  jobFailed: (index: number, name: string, reason: string, message: string): string =>
    `Job ${stepLabel(index, name)} failed: ${reason}: ${message}`,
  cleanedUp: (): string => 'No Job of the sequence is left',
} as const;
