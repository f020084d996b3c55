/**
 * Every reason that the operator writes in conditions and events, with its message: programs match reasons, people read
 * messages. Steps are counted from 0, like `index`.
 */
import { formatSeconds } from './time.ts';

export const REASON = {
  // Progressing
  pending: 'Pending',
  jobRunning: 'JobRunning',
  starting: 'JobStarting',
  reconciliationError: 'ReconciliationError',
  resumePending: 'ResumePending',
  finishing: 'Finishing',
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
  finallyFailed: 'FinallyFailed',
  claimNameConflict: 'ClaimNameConflict',
  claimRejected: 'ClaimRejected',
  deadlineExceeded: 'DeadlineExceeded',
  pendingDeadlineExceeded: 'PendingDeadlineExceeded',
  // Suspended; also the reason of Progressing while Suspended is True
  suspended: 'Suspended',
  suspending: 'Suspending',
  notSuspended: 'NotSuspended',
  // ResourcesUnavailable, beside Kubernetes' own reasons; also the reason of Progressing while ResourcesUnavailable is True
  resourcesUnavailable: 'ResourcesUnavailable',
  secretNotFound: 'SecretNotFound',
  configMapNotFound: 'ConfigMapNotFound',
  claimNotFound: 'PersistentVolumeClaimNotFound',
  claimOutdated: 'ClaimOutdated',
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
  finallyStarted: 'FinallyStarted',
  finallyCompleted: 'FinallyCompleted',
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
 * Events that may repeat while nothing changes: each is one Event with a count, also after a restart. All others are
 * emitted once, with their status write.
 */
export const REPEATING_EVENTS: ReadonlySet<string> = new Set<EventReason>([
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
  /** The step that the event is about, for the log. */
  readonly step?: { readonly index: number; readonly name: string; readonly isFinally?: true };
  /** For a repeating event: the key of repetitions if that is not the message. */
  readonly series?: string;
}

/** Failures that another spec mends: a change of the spec tries again, without a resume. */
export const RETRIED_ON_CHANGE: ReadonlySet<string> = new Set([
  REASON.invalidSpec,
  REASON.jobRejected,
  REASON.claimNameConflict,
  REASON.claimRejected,
]);

/** A failure of the sequence; `index` and `step` are absent if no step has failed. */
export interface Failure {
  readonly index?: number | undefined;
  readonly step?: string | undefined;
  readonly reason: string;
  readonly message: string;
}

/** `1 (transform)`, `0 (cleanup) of finally`: how a step is named in messages. */
export function stepLabel(index: number, name: string, isFinally = false): string {
  return `${index} (${name})${isFinally ? ' of finally' : ''}`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** The maximum number of listed items, so that the message stays readable. */
const MAX_LISTED = 5;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, MAX_LISTED).join(', ');
  return items.length > MAX_LISTED ? `${shown} and ${items.length - MAX_LISTED} more` : shown;
}

/** The subject of what waits: a step or, after the last one, the end. */
const waiting = (at: string | undefined): string =>
  at === undefined ? 'The end of the sequence is waiting' : `Step ${at} is waiting`;

/** The client that changed an object of the operator. */
const otherClient = (manager: string | undefined): string =>
  manager === undefined ? 'someone else' : `someone else (field manager "${manager}")`;

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

function durationSuffix(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` in ${formatSeconds(seconds)}`;
}

export const MESSAGE = {
  pending: 'Waiting to start',
  starting: (at: string): string => `Starting step ${at}`,
  /** Until the end of the sequence, or the start of finally, is recorded. */
  stepsEnded: 'All steps have ended',
  /** `number` of `total`, counted from 1. */
  running: (at: string, number: number, total: number, attempts: number): string =>
    `Running step ${at}, ${number} of ${total}${attempts > 1 ? `, attempt ${attempts}` : ''}`,
  /** While the steps of `finally` run; `outcome`: how the other steps ended. */
  finishing: (what: string, outcome: string): string => `${what}. ${outcome}`,
  /** The failure of a sequence whose steps have completed. */
  finallyFailed: (failures: readonly string[]): string => listed(failures),
  /** One step of `finally` that failed. */
  finallyStepFailed: (at: string, reason: string, message: string): string =>
    [`step ${at} failed`, reason, message].filter((part) => part !== '').join(': '),
  completed: (total: number, seconds?: number): string =>
    `${total === 1 ? 'The only step' : `All ${total} steps`} completed${durationSuffix(seconds)}`,
  /** With `onFailure: Continue`; `failed` are the labels of the steps that failed. */
  completedWithFailures: (
    counts: { readonly total: number; readonly completed: number; readonly failed: readonly string[] },
    seconds?: number,
  ): string =>
    `${counts.completed} of ${plural(counts.total, 'step')} completed${durationSuffix(seconds)}; ` +
    `failed but ignored (onFailure: Continue): ${listed(counts.failed)}`,
  notCompleted: 'The sequence has not completed',
  notFailed: 'No step has failed',
  notSuspended: 'The sequence is not suspended',
  suspended: (at?: string): string => (at === undefined ? 'Suspended before it started' : `Suspended at step ${at}`),
  /** If the server cannot suspend a Job, or has not done so yet. */
  suspending: (at: string): string => `Suspending: waiting for step ${at} to stop`,
  deadlineExceeded: (seconds: number): string =>
    `the sequence was active for longer than its activeDeadlineSeconds of ${seconds} s`,
  /** `why`: the obstacle, if one is known. */
  /** `field`: whose limit it was. */
  neverStarted: (seconds: number, field: string, why: string | undefined): string =>
    `no container started within ${seconds} s (${field})${why === undefined ? '' : `: ${why}`}`,
  /** Another client keeps unsuspending the Job. */
  suspensionUndone: (at: string, job: string, manager?: string): string =>
    `Suspending: step ${at} still runs, because ${otherClient(manager)} keeps setting spec.suspend of Job "${job}" to false; ` +
    'the operator suspends it again, each time after a longer delay',
  stepCannotStart: (at: string, why: string): string => `Step ${at} cannot start: ${why}`,
  stepWaiting: (at: string, why: string): string => `Step ${at} is waiting: ${why}`,
  stepNotEnding: (at: string, why: string): string => `Step ${at} is not ending: ${why}`,
  jobSuspended: (job: string, manager?: string): string => `Job "${job}" was suspended by ${otherClient(manager)}`,
  /** The operator does not suspend, unsuspend or terminate it. */
  jobNotOwned: (job: string): string =>
    `Job "${job}" is not controlled by this SequentialJob, so the operator does not change it`,
  /** Appended to the failure of a step that exceeded the deadline before it could start. */
  couldNotStart: (failure: string, why: string): string => `${failure}; it could not start: ${why}`,
  didNotEnd: (failure: string, why: string): string => `${failure}; it did not end: ${why}`,
  withCause: (failure: string, why: string): string => `${failure}; ${why}`,
  missing: (what: readonly string[]): string => `${listed(what)} not found`,
  resourcesAvailable: 'Nothing is known to block the current step',
  stepFailed: (at: string, reason: string, message: string): string => `Step ${at} failed: ${reason}: ${message}`,
  failed: ({ index, step = '', reason, message }: Failure): string =>
    index === undefined ? `${reason}: ${message}` : MESSAGE.stepFailed(stepLabel(index, step), reason, message),
  forbiddenNamespace: (namespace: string): string =>
    `"${namespace}" is the operator's own namespace, where SequentialJobs do not run: create it in another namespace`,
  invalidSpec: (faults: readonly string[]): string => faults.join('; '),
  jobNameConflict: (job: string, owner: string): string =>
    `a Job named "${job}" already exists and ${owner}; raise spec.resume to start the step under another name`,
  jobDeleted: (job: string): string =>
    `Job "${job}" was deleted before its result was observed; the step is not run again`,
  jobRejected: (job: string, answer: string): string => `the API server rejected Job "${job}": ${answer}`,
  claimNameConflict: (claim: string, owner: string): string =>
    `a PersistentVolumeClaim named "${claim}" already exists and ${owner}; rename the claim template, or delete that claim and raise spec.resume`,
  claimRejected: (claim: string, faults: readonly string[]): string =>
    `the API server rejected PersistentVolumeClaim "${claim}": ${faults.join('; ')}`,
  /** The spec was changed before the sequence has started. */
  claimOutdated: (claim: string, field: string): string =>
    `PersistentVolumeClaim "${claim}" was created before ${field} was changed; delete it, so that it is created again`,
  /** `hasStarted`: the sequence has started. */
  preflightRefused: (
    faults: readonly { readonly step: string | undefined; readonly text: string }[],
    { what, hasStarted }: { readonly what: 'Jobs' | 'claims' | 'Jobs and claims'; readonly hasStarted: boolean },
  ): string => {
    const lines = faults.map(({ step, text }) => (step === undefined ? text : `step ${step}: ${text}`));
    const result = hasStarted ? 'no further step was started' : 'no step was started';
    return `${result}, because the API server rejects ${what} of this sequence: ${lines.join('; ')}`;
  },
  /** `at`: undefined after the last step. */
  awaitingPods: (at: string | undefined, pods: readonly string[]): string =>
    `${waiting(at)} for Pods of the previous step to terminate: ${listed(pods)}`,
  resumePending: (at: string, pods: readonly string[]): string =>
    `Resume at step ${at} is waiting for Pods of the failed attempt to terminate: ${listed(pods)}`,
  /** A Pod that has not terminated; `until`: end of its grace period, if it is being deleted. */
  podNotTerminated: (pod: string, node?: string, until?: string): string =>
    [
      `"${pod}"`,
      node === undefined ? '' : ` on node "${node}"`,
      until === undefined ? '' : ` (grace period until ${until})`,
    ].join(''),
  /** Pods whose grace period ended long ago. */
  podsOverdue: (pods: readonly string[]): string =>
    `the Job still has Pods whose grace period is over: ${listed(pods)}`,
  /** Appended to the list of Pods if the grace period of one has ended: what users can do. */
  nodeLost:
    '; if the node is gone, delete the Node or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
  /** If the operator may not list Pods. */
  awaitingUnlistedPods: (at: string | undefined, seconds: number): string =>
    `${waiting(at)} for Pods of the previous step to terminate: for ${seconds} s, because the operator has no permission` +
    ' to list Pods',
  awaitingName: (job: string, owner: string, isOwnerless: boolean): string =>
    isOwnerless
      ? `Waiting for the garbage collector to delete Job "${job}", which ${owner} that no longer exists`
      : `Waiting for the deletion of Job "${job}", which ${owner}`,
  awaitingClaim: (claim: string, owner: string, isOwnerless: boolean): string =>
    isOwnerless
      ? `Waiting for the garbage collector to delete PersistentVolumeClaim "${claim}", which ${owner} that no longer exists`
      : `Waiting for the deletion of PersistentVolumeClaim "${claim}", which ${owner}`,
  awaitingJobs: (at: string | undefined, jobs: readonly string[]): string =>
    `${waiting(at)} for the deletion of ${listed(jobs.map((job) => `Job "${job}"`))}`,
  /** `own`: how many Jobs the sequence has. */
  quotaExceeded: (answer: string, own: number): string =>
    own === 0
      ? answer
      : `${answer}; finished Jobs count against the quota, ${plural(own, 'Job')} of this sequence among them`,
  permissionDenied: (answer: string): string => `the operator lacks a permission: ${answer}`,
  foreignOwner: {
    none: 'has no controller owner',
    of: (kind: string, name: string): string => `is owned by ${kind} "${name}"`,
  },
} as const;

export const EVENT_MESSAGE = {
  sequenceStarted: (total: number): string => `Started the sequence of ${plural(total, 'step')}`,
  jobStarted: (at: string): string => `Started Job of step ${at}`,
  jobCompleted: (at: string, seconds?: number): string => `Completed Job of step ${at}${durationSuffix(seconds)}`,
  jobFailed: (at: string, reason: string, message: string): string => `Job of step ${at} failed: ${reason}: ${message}`,
  finallyStarted: (outcome: string): string => `The steps of finally start. ${outcome}`,
  finallyCompleted: (failures: readonly string[]): string =>
    failures.length === 0
      ? 'The steps of finally have completed'
      : `The steps of finally have ended; ${listed(failures)}`,
  /** `at`: undefined if only the steps of `finally` run again. */
  resumed: (at: string | undefined): string =>
    at === undefined ? 'Resumed: the steps of finally run again' : `Resumed at step ${at}`,
  suspensionUndone: (at: string, job: string, manager?: string): string =>
    `${capitalized(otherClient(manager))} set spec.suspend of Job "${job}" (step ${at}) to false while the sequence is suspended; the operator suspends it again`,
  unsuspended: (at?: string): string =>
    at === undefined ? 'No longer suspended' : `No longer suspended: continues at step ${at}`,
  specAccepted: (): string => 'Spec change accepted: it applies to the remaining steps',
  specRefused: (faults: readonly string[]): string =>
    `Spec change ignored, because these fields are immutable once the sequence has started: ${listed(faults)}`,
  fieldsIgnored: (fields: readonly string[]): string =>
    `The API server does not know these fields and drops them from the Jobs: ${listed(fields)}`,
  strayJobs: (names: readonly string[]): string =>
    `Deleted ${listed(names.map((name) => `Job "${name}"`))}: a create request took effect late, after the step had another Job or the sequence had ended`,
  statusTruncated: (): string =>
    'The API server cannot store the object with its full status, because the object is too large: the operator dropped messages and details' +
    ' of steps. Remove annotations and labels that you do not need, and use a smaller spec in later sequences',
  statusRefused: (): string =>
    'The API server cannot store any status of the object, because the object is too large: no further step starts until it is smaller.' +
    ' Remove annotations and labels that you do not need',
  cleanedUp: (): string => 'Deleted all Jobs of the sequence',
} as const;
