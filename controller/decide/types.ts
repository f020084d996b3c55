/** The input and the output of a decision: plain, readonly data. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { ObservedEvent, ObservedPod } from '../../shared/api/pod.ts';
import type { EventDraft, Failure } from '../../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import type { Dependency } from '../../shared/jobs/dependencies.ts';
import type { JobError } from '../../shared/jobs/job-errors.ts';
import type { StepPosition } from '../../shared/jobs/position.ts';

/** What the requests of this reconcile have shown about a Job that the cache does not show; keyed by Job name. */
export type Finding =
  /** The API server answered 404. */
  | { readonly type: 'notFound' }
  /** Another owner's Job has the name. `pendingRemoval`: why Kubernetes will delete that Job soon. */
  | { readonly type: 'nameConflict'; readonly owner: string; readonly pendingRemoval?: 'deleted' | 'ownerless' }
  /** The status records the Job, but its labels or its owner reference were removed: the watch does not show it. */
  | { readonly type: 'labelsRemoved' }
  /** The API server rejects this Job permanently. */
  | { readonly type: 'rejected'; readonly message: string }
  /** The API server rejects this Job for now, for a reason outside the Job. */
  | { readonly type: 'postponed'; readonly reason: PostponedReason; readonly message: string }
  /** The objects that the step references were checked; `missing` are those that do not exist. */
  | { readonly type: 'dependencies'; readonly missing: readonly Dependency[] }
  /** The API server does not support `spec.suspend` of Jobs (before 1.22). */
  | { readonly type: 'suspendUnsupported' }
  /** The Pods of the Job were listed from the API server: the snapshot has all of them. */
  | { readonly type: 'inspected' };

/** A ResourceQuota is exhausted, or the controller's service account lacks a permission. */
export type PostponedReason = 'QuotaExceeded' | 'PermissionDenied';

/** What the requests of this reconcile have shown about the claims of the sequence. */
export type ClaimFinding =
  /** All of them exist. */
  | { readonly type: 'ready' }
  /** Another owner's claim has the name. `pendingRemoval`: why Kubernetes will delete it soon; then it may be ours. */
  | {
      readonly type: 'nameConflict';
      readonly name: string;
      readonly owner: string;
      readonly pendingRemoval?: 'deleted' | 'ownerless';
    }
  /** The API server rejects a claim permanently; `errors` have the fields of the SequentialJob. */
  | { readonly type: 'rejected'; readonly name: string; readonly errors: readonly string[] }
  /** A claim cannot be created for now. `ClaimOutdated`: it was created before its template was changed. */
  | { readonly type: 'postponed'; readonly reason: PostponedReason | 'ClaimOutdated'; readonly message: string };

/** The input of a decision. Immutable by convention: it shares objects with the cache. */
export interface Snapshot {
  /** With the spec that the operator runs. Where a change bypassed the webhook, the stored spec may differ. */
  readonly object: SequentialJob;
  /** The object is in the operator's own namespace. */
  readonly isInOwnNamespace?: boolean;
  /** The Jobs whose controller is this object's UID. */
  readonly jobs: readonly ObservedJob[];
  readonly findings: Readonly<Record<string, Finding>>;
  /** Pods of the last recorded Job: the Job runs, or its Pods may outlive its failure. */
  readonly pods?: readonly ObservedPod[];
  /** The Events about that Job or its Pod, if the step was stuck and they were listed. */
  readonly eventLookup?: EventLookupResult;
  /** The controller may not list Pods: Pods may exist although the snapshot has none. */
  readonly podsForbidden?: boolean;
  /** Counts the deleted Pods of the running step's Job. */
  readonly deletedPods?: DeletedPodsOfJob;
  /** The verdict on a spec change since the last reconcile; absent if no relevant field changed. */
  readonly specChange?: SpecChange;
  /**
   * No webhook has validated the spec, or an older ControllerRevision of it exists: the spec must be recorded before
   * the first Job.
   */
  readonly bypassedAdmission?: boolean;
  /** This reconcile has recorded the spec. */
  readonly specRecorded?: boolean;
  /** The result of the dry run of the remaining steps' Jobs; absent where no dry run is needed. */
  readonly preflight?: Preflight;
  /** Set once this reconcile has created or found the claims, or one of them could not be created. */
  readonly claims?: ClaimFinding;
  /** The transient error of the last action. */
  readonly lastError?: string;
}

/** The object whose Events are listed. */
export interface EventSubject {
  readonly kind: 'Job' | 'Pod';
  readonly name: string;
  readonly uid: string;
  /** The Events shall explain a failed image pull, not a missing or unready Pod. */
  readonly isImagePull?: true;
  /** The Pod waits for these claims: the Events are theirs, not the Pod's. */
  readonly claims?: readonly string[];
}

/** The Events about one object at the time of the request. */
export interface EventLookupResult {
  /** UID of the object. */
  readonly uid: string;
  readonly isImagePull?: true;
  /** Set if the Events are those of claims for which the object, a Pod, waits. */
  readonly claims?: readonly string[];
  /** Time of the request; Unix milliseconds. */
  readonly requestedMs: number;
  /**
   * Set if the request failed or was rate limited: `events` are then those of the last answer, or none. When to request
   * again, in Unix milliseconds.
   */
  readonly retryMs?: number;
  /** The newest Event of each relevant reason. */
  readonly events: readonly ObservedEvent[];
}

export interface DeletedPodsOfJob {
  readonly jobUID: string;
  readonly count: number;
}

/** The state of the preflight: a dry run of the Jobs of all remaining steps. */
export type Preflight =
  /** The dry run must run before the next step starts. */
  | { readonly type: 'due' }
  /**
   * The API server accepts the Jobs, or cannot check them. It drops `ignoredFields` of the SequentialJob from the Jobs.
   */
  | { readonly type: 'passed'; readonly ignoredFields: readonly string[] }
  | {
      readonly type: 'refused';
      readonly errors: readonly JobError[];
      readonly ignoredFields: readonly string[];
    }
  /** The API server did not answer: the next step may start, and the dry run is repeated before the step after it. */
  | { readonly type: 'open' };

/** A spec change after the sequence started. */
export type SpecChange =
  /** `updatePolicy: FutureSteps` allows the change. */
  | { readonly type: 'accepted' }
  /** The change bypassed the webhook; the sequence continues with the recorded spec. */
  | { readonly type: 'refused'; readonly errors: readonly string[] };

export type Action =
  | { readonly type: 'AddFinalizer' }
  | { readonly type: 'RemoveFinalizer' }
  | { readonly type: 'CreateJob'; readonly position: StepPosition; readonly resumes: number; readonly jobName: string }
  /** Create the claims of the sequence. */
  | { readonly type: 'CreateClaims' }
  /** Dry-run the creation of the Jobs of all steps from index `from` on. */
  | { readonly type: 'Preflight'; readonly from: number; readonly resumes: number }
  /** GET a Job that the cache does not have. */
  | { readonly type: 'ConfirmJob'; readonly jobName: string; readonly jobUID: string }
  | { readonly type: 'DeleteJobs'; readonly jobs: readonly ObservedJob[] }
  /**
   * Deletes Jobs while the sequence continues, only if the stored status is the one that the decision used; then emits
   * the event.
   */
  | { readonly type: 'DeleteStrayJobs'; readonly jobs: readonly ObservedJob[]; readonly event: EventDraft }
  /** Find out which of these objects do not exist. */
  | {
      readonly type: 'CheckDependencies';
      readonly jobName: string;
      readonly dependencies: readonly Dependency[];
    }
  /** List the Pods of a Job from the API server. */
  | { readonly type: 'InspectPods'; readonly job: ObservedJob }
  /** List the Events about a stuck Job, or about its Pod. */
  | { readonly type: 'InspectEvents'; readonly job: ObservedJob; readonly subject: EventSubject }
  /** `count`: consecutive suspensions, with this one; `event`: set if another client keeps unsuspending the Job. */
  | { readonly type: 'SuspendJob'; readonly job: ObservedJob; readonly count: number; readonly event?: EventDraft }
  | { readonly type: 'UnsuspendJob'; readonly job: ObservedJob }
  /** Make the Job controller fail the Job with DeadlineExceeded; the Job stays. `seconds`: the sequence's deadline. */
  | { readonly type: 'TerminateJob'; readonly job: ObservedJob; readonly seconds: number }
  /** As `TerminateJob`, because no container has started in time; `because`: the failure, kept on the Job. */
  | {
      readonly type: 'TerminatePendingJob';
      readonly job: ObservedJob;
      readonly because: Pick<Failure, 'reason' | 'message'>;
    }
  /** Delete the SequentialJob: ttlSecondsAfterFinished has passed. */
  | { readonly type: 'DeleteSequence' };

export interface Decision {
  /**
   * Executed now; then `decide` runs again on the resulting snapshot. Empty: only the status and the events are left to
   * write.
   */
  readonly actions: readonly Action[];
  /** The complete desired status; undefined for an object that is being deleted, whose status is not written. */
  readonly status: SequentialJobStatus | undefined;
  /** Emitted after the API server has accepted the status. */
  readonly events: readonly EventDraft[];
  /** Reconcile again after this many milliseconds; undefined: only when a watch event arrives. */
  readonly requeueAfterMs: number | undefined;
}

/** The states of the machine. The status does not store their names: they are derived from it. */
export const STATES = [
  'New',
  'StepPending',
  'StepRunning',
  /** The steps have ended: decides in the same reconcile whether `finally` is due. */
  'Ended',
  'FinallyPending',
  'FinallyRunning',
  'Suspended',
  'Completed',
  'Failed',
  'Deleting',
  'Gone',
] as const;
export type State = (typeof STATES)[number];

/** The sequence while it passes through the machine; each effect returns a new draft. */
export interface Draft {
  readonly state: State;
  readonly steps: readonly StepStatus[];
  /** The steps of `finally`; undefined until the other steps have ended. */
  readonly finally: readonly StepStatus[] | undefined;
  readonly startTime: string | undefined;
  /** Start of the deadline if it differs from `startTime`. */
  readonly activeStartTime: string | undefined;
  /** Since when the sequence is suspended; undefined while it is not. */
  readonly suspendedSince: string | undefined;
  readonly completionTime: string | undefined;
  readonly failure: Failure | undefined;
  readonly resumes: number;
  readonly actions: readonly Action[];
  readonly events: readonly EventDraft[];
  readonly requeueAfterMs: number | undefined;
}

export interface Context {
  readonly snapshot: Snapshot;
  readonly draft: Draft;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** Unix milliseconds, not rounded. */
  readonly nowMs: number;
}
