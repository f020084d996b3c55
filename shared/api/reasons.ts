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
  resumePending: 'ResumePending',
  // Complete, Available
  completed: 'SequenceCompleted',
  notCompleted: 'NotCompleted',
  // Failed, beside the reasons that a Job itself gives
  notFailed: 'NotFailed',
  invalidSpec: 'InvalidSpec',
  forbiddenNamespace: 'ForbiddenNamespace',
  jobNameConflict: 'JobNameConflict',
  jobDeleted: 'JobDeleted',
  jobRejected: 'JobRejected',
  deadlineExceeded: 'DeadlineExceeded',
  // Suspended; Progressing while that is True
  suspended: 'Suspended',
  suspending: 'Suspending',
  notSuspended: 'NotSuspended',
  // ResourcesUnavailable, beside Kubernetes' own reasons; Progressing while that is True
  resourcesUnavailable: 'ResourcesUnavailable',
  secretNotFound: 'SecretNotFound',
  configMapNotFound: 'ConfigMapNotFound',
  claimNotFound: 'PersistentVolumeClaimNotFound',
  quotaExceeded: 'QuotaExceeded',
  jobSuspended: 'JobSuspended',
  containerStillRunning: 'ContainerStillRunning',
  podStillTerminating: 'PodStillTerminating',
  permissionDenied: 'PermissionDenied',
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
  suspended: 'Suspended',
  suspensionUndone: 'SuspensionUndone',
  resumed: 'Resumed',
  specChanged: 'SpecChanged',
  dependencyMissing: 'DependencyMissing',
  fieldsIgnored: 'FieldsIgnored',
  strayJobDeleted: 'StrayJobDeleted',
  statusTooLarge: 'StatusTooLarge',
  reconciliationFailed: 'ReconciliationFailed',
  cleanedUp: 'CleanedUp',
} as const;
export type EventReason = (typeof EVENT)[keyof typeof EVENT];

/**
 * What may happen again and again while nothing changes: one Event with a count, also after a restart. All others are
 * told of once, with the status write that they belong to.
 */
export const REPEATING_EVENTS: ReadonlySet<EventReason> = new Set([
  EVENT.reconciliationFailed,
  EVENT.dependencyMissing,
  EVENT.specChanged,
  EVENT.fieldsIgnored,
  EVENT.suspensionUndone,
  EVENT.statusTooLarge,
]);

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: EventReason;
  readonly message: string;
  /** The step that it is about, for the log. */
  readonly step?: { readonly index: number; readonly name: string };
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

/** The first few: a message is read by people. */
const LISTED = 5;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, LISTED).join(', ');
  return items.length > LISTED ? `${shown} and ${items.length - LISTED} more` : shown;
}

/** Whoever changed an object of ours. */
const someoneElse = (manager: string | undefined): string =>
  manager === undefined ? 'someone else' : `someone else (field manager "${manager}")`;

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

function took(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` in ${formatSeconds(seconds)}`;
}

export const MESSAGE = {
  pending: 'Waiting to start',
  starting: (index: number, name: string): string => `Starting step ${stepLabel(index, name)}`,
  running: (index: number, name: string, total: number, attempts: number): string =>
    `Running step ${stepLabel(index, name)}, ${index + 1} of ${total}${attempts > 1 ? `, attempt ${attempts}` : ''}`,
  completed: (total: number, seconds?: number): string =>
    `${total === 1 ? 'The only step' : `All ${total} steps`} completed${took(seconds)}`,
  /** With `onFailure: Continue`; `failed` are the labels of the steps that failed. */
  ended: (counts: { readonly total: number; readonly failed: readonly string[] }, seconds?: number): string =>
    `${counts.total - counts.failed.length} of ${plural(counts.total, 'step')} completed${took(seconds)}; ` +
    `failed and passed over: ${listed(counts.failed)}`,
  notCompleted: 'The sequence has not completed',
  notFailed: 'No step has failed',
  notSuspended: 'The sequence is not suspended',
  suspended: (at?: string): string => (at === undefined ? 'Suspended before its start' : `Suspended at step ${at}`),
  /** Where the server cannot suspend a Job, or has not done so yet. */
  suspending: (at: string): string => `Suspending: nothing new is started, step ${at} still runs`,
  deadlineExceeded: (seconds: number): string =>
    `the sequence was active for longer than its activeDeadlineSeconds, ${seconds} s`,
  /** Somebody else lets the Job go on. */
  suspensionUndone: (at: string, job: string, manager?: string): string =>
    `Suspending: nothing new is started, step ${at} still runs, because ${someoneElse(manager)} sets spec.suspend of Job "${job}" ` +
    'to false again and again; the operator suspends it again less and less often',
  waiting: (at: string, why: string): string => `Step ${at} cannot start: ${why}`,
  held: (at: string, why: string): string => `Step ${at} waits: ${why}`,
  notEnded: (at: string, why: string): string => `Step ${at} does not end: ${why}`,
  jobSuspended: (job: string, manager?: string): string => `Job "${job}" was suspended by ${someoneElse(manager)}`,
  /** It is neither suspended, nor let go on, nor ended. */
  jobNotOwned: (job: string): string => `Job "${job}" does not belong to this sequence, and is left as it is`,
  /** Behind the failure of a step whose time was up before it could start. */
  neverStarted: (failure: string, why: string): string => `${failure}; it could not start: ${why}`,
  neverEnded: (failure: string, why: string): string => `${failure}; it did not end: ${why}`,
  heldUp: (failure: string, why: string): string => `${failure}; ${why}`,
  missing: (what: readonly string[]): string => `${listed(what)} not found`,
  resourcesAvailable: 'Nothing that a step needs is known to be missing',
  failed: (failure: Failure): string =>
    failure.index === undefined
      ? `${failure.reason}: ${failure.message}`
      : `Step ${stepLabel(failure.index, failure.step ?? '')} failed: ${failure.reason}: ${failure.message}`,
  forbiddenNamespace: (namespace: string): string =>
    `"${namespace}" is the operator's own namespace, in which no SequentialJob is run: create it in another one`,
  invalidSpec: (faults: readonly string[]): string => faults.join('; '),
  jobNameConflict: (job: string, owner: string): string =>
    `a Job named "${job}" exists already and belongs to ${owner}; raise spec.resume to start the step under another name`,
  jobDeleted: (job: string): string =>
    `Job "${job}" is gone, and how it ended was not seen; a step is never started twice`,
  jobRejected: (job: string, answer: string): string => `the API server rejected Job "${job}": ${answer}`,
  /** `isUnderWay`: steps have run. */
  preflightRefused: (
    faults: readonly { readonly step: string | undefined; readonly text: string }[],
    isUnderWay: boolean,
  ): string => {
    const lines = faults.map(({ step, text }) => (step === undefined ? text : `step ${step}: ${text}`));
    const what = isUnderWay ? 'no further step was started' : 'no step was started';
    return `${what}, because the API server refuses Jobs of this sequence: ${lines.join('; ')}`;
  },
  awaitingPods: (at: string, pods: readonly string[]): string =>
    `Waiting with step ${at} until the Pods before it have ended: ${listed(pods)}`,
  resumePending: (at: string, pods: readonly string[]): string =>
    `The sequence is resumed at step ${at} when the Pods of the failed attempt have ended: ${listed(pods)}`,
  /** A Pod that has not ended; `until`: when its grace period ends, where it is being deleted. */
  podLeft: (pod: string, node?: string, until?: string): string =>
    [
      `"${pod}"`,
      node === undefined ? '' : ` on node "${node}"`,
      until === undefined ? '' : ` (to end by ${until})`,
    ].join(''),
  /** Pods whose grace period was over long ago. */
  podsOverdue: (pods: readonly string[]): string => `the Job still has Pods that should have ended: ${listed(pods)}`,
  /** Behind the Pods that are waited for, where the grace period of one is over: what people can do. */
  nodeIsLost:
    '; if the node is gone, delete the Node or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
  /** Where the controller may not list Pods. */
  awaitingUnseenPods: (at: string, seconds: number): string =>
    `Waiting with step ${at} until Pods before it must have ended, ${seconds} s after their Job:` +
    ' the controller has no permission to list Pods',
  awaitingName: (job: string, owner: string, isOwnerless: boolean): string =>
    isOwnerless
      ? `Waiting for the garbage collector to delete Job "${job}": its owner, ${owner}, was deleted`
      : `Waiting for the deletion of Job "${job}", which is owned by ${owner}`,
  awaitingJobs: (at: string, jobs: readonly string[]): string =>
    `Waiting with step ${at} for the deletion of ${listed(jobs.map((job) => `Job "${job}"`))}`,
  /** `own`: how many Jobs the sequence has. */
  quotaExceeded: (answer: string, own: number): string =>
    own === 0 ? answer : `${answer}; finished Jobs count too, ${plural(own, 'Job')} of this sequence among them`,
  permissionDenied: (answer: string): string => `the controller lacks a permission: ${answer}`,
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
  resumed: (at: string): string => `Resumed at step ${at}`,
  suspensionUndone: (at: string, job: string, manager?: string): string =>
    `${capitalized(someoneElse(manager))} let Job "${job}" of step ${at} go on while spec.suspend is true; it is suspended again`,
  unsuspended: (at?: string): string => (at === undefined ? 'No longer suspended' : `Resumed at step ${at}`),
  specAccepted: (): string => 'The spec has changed: the steps to come follow the new one',
  specRefused: (faults: readonly string[]): string =>
    `The spec has changed where it may not, and is not followed: ${listed(faults)}`,
  fieldsIgnored: (fields: readonly string[]): string =>
    `This API server does not know these fields, and runs the steps without them: ${listed(fields)}`,
  strayJobs: (names: readonly string[]): string =>
    `Deleted ${listed(names.map((name) => `Job "${name}"`))}: created late, after the step had another Job or the sequence had ended`,
  statusCut: (): string =>
    'The object is too large for the API server to store it with its whole status: messages and details of steps are left out.' +
    ' Remove annotations and labels that it does not need, and give later sequences a smaller spec',
  statusRefused: (): string =>
    'The object is too large for the API server to store it with any status: no further step starts until it is smaller.' +
    ' Remove annotations and labels that it does not need',
  cleanedUp: (): string => 'No Job of the sequence is left',
} as const;
