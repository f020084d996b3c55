/** What goes into a decision and what comes out of it: plain, readonly data. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { ObservedEvent, ObservedPod } from '../../shared/api/pod.ts';
import type { EventDraft, Failure } from '../../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';
import type { Dependency } from '../../shared/jobs/dependencies.ts';
import type { JobError } from '../../shared/jobs/job-errors.ts';

/** What a request of this reconcile told about a Job beyond what the cache knows, by Job name. */
export type Finding =
  /** Asked for and not there. */
  | { readonly type: 'notFound' }
  /** The name is taken by a Job that is not ours; `leaving`: why it will not be there for long. */
  | { readonly type: 'nameConflict'; readonly owner: string; readonly leaving?: 'deleted' | 'ownerless' }
  /** On record, but without the labels that we watch by, or not ours any more: it tells nothing by itself. */
  | { readonly type: 'labelsRemoved' }
  /** The API server will not have this Job, however often it is asked. */
  | { readonly type: 'rejected'; readonly message: string }
  /** The API server refuses this Job for now, for a reason that is not the Job's. */
  | { readonly type: 'postponed'; readonly reason: PostponedReason; readonly message: string }
  /** What its step needs was asked for; `missing` is what does not exist. */
  | { readonly type: 'dependencies'; readonly missing: readonly Dependency[] }
  /** The API server does not know how to suspend a Job (before 1.22). */
  | { readonly type: 'suspendUnsupported' }
  /** The API server itself was asked for its Pods: there are no others than the snapshot has. */
  | { readonly type: 'inspected' };

/** The namespace is full; or the controller's own account lacks a permission. */
export type PostponedReason = 'QuotaExceeded' | 'PermissionDenied';

/** Everything a decision is made of. Frozen by convention: nobody changes what the cache shares. */
export interface Snapshot {
  /** Its spec is the one that is run: where the webhook was bypassed that is not always the one that is stored. */
  readonly object: SequentialJob;
  /** It is in the operator's own namespace. */
  readonly isInOwnNamespace?: boolean;
  /** The Jobs whose controller is this object's UID. */
  readonly jobs: readonly ObservedJob[];
  readonly findings: Readonly<Record<string, Finding>>;
  /** Pods of the last Job that was recorded: it runs, or they may outlive its failure. */
  readonly pods?: readonly ObservedPod[];
  /** What the Events say about that Job or its Pod, where it stood still and they were asked for. */
  readonly eventLookup?: EventLookupResult;
  /** The controller has no permission to list Pods: that it sees none does not mean that there is none. */
  readonly podsForbidden?: boolean;
  /** Pods of the running step's Job that were seen and are gone. */
  readonly deletedPods?: DeletedPodsOfJob;
  /** What became of a change of the spec since the last reconcile; absent where nothing that matters changed. */
  readonly specChange?: SpecChange;
  /** No webhook has seen its spec, or an older record of it is there: it is to be recorded before the first Job. */
  readonly bypassedAdmission?: boolean;
  /** That has been done in this reconcile. */
  readonly specRecorded?: boolean;
  /** What the API server says to the Jobs of the steps to come; absent where it need not be asked. */
  readonly preflight?: Preflight;
  /** What keeps the last action from succeeding, where it may pass by itself. */
  readonly lastError?: string;
}

/** What Events are asked for: those about one object. */
export interface EventSubject {
  readonly kind: 'Job' | 'Pod';
  readonly name: string;
  readonly uid: string;
  /** Why its image cannot be pulled is asked for, not why its Pod is not there or not ready. */
  readonly isOfImage?: true;
}

/** The Events about one object, as they were when they were asked for. */
export interface EventLookupResult {
  /** Of the object. */
  readonly uid: string;
  readonly isOfImage?: true;
  /** When that was; Unix milliseconds. */
  readonly askedMs: number;
  /**
   * There was no answer, or it was not the object's turn, and the Events are those of the last answer, or none: when to ask
   * again, in Unix milliseconds.
   */
  readonly retryMs?: number;
  /** Of each reason that tells something the newest. */
  readonly events: readonly ObservedEvent[];
}

export interface DeletedPodsOfJob {
  readonly jobUID: string;
  readonly count: number;
}

/** How far a preflight has come: a dry run of the Jobs of all steps to come. */
export type Preflight =
  /** To be done before the next step starts. */
  | { readonly type: 'due' }
  /** The API server takes the Jobs, or can't be asked; it leaves these fields of the SequentialJob out of them. */
  | { readonly type: 'passed'; readonly ignoredFields: readonly string[] }
  | {
      readonly type: 'refused';
      readonly faults: readonly JobError[];
      readonly ignoredFields: readonly string[];
    }
  /** No answer for now: the next step may start all the same, and before the one after it the question comes up again. */
  | { readonly type: 'open' };

/** A change of the spec of a sequence that had started. */
export type SpecChange =
  /** As `updatePolicy: FutureSteps` allows. */
  | { readonly type: 'accepted' }
  /** It came past the webhook; the sequence runs on with what was recorded. */
  | { readonly type: 'refused'; readonly faults: readonly string[] };

export type Action =
  | { readonly type: 'AddFinalizer' }
  | { readonly type: 'RemoveFinalizer' }
  | { readonly type: 'CreateJob'; readonly index: number; readonly resumes: number; readonly jobName: string }
  /** Ask the API server, by dry run, for the Jobs of all steps from `from` on. */
  | { readonly type: 'Preflight'; readonly from: number; readonly resumes: number }
  /** Ask the API server itself for a Job that the cache does not have. */
  | { readonly type: 'ConfirmJob'; readonly jobName: string; readonly jobUID: string }
  | { readonly type: 'DeleteJobs'; readonly jobs: readonly ObservedJob[] }
  /** The same where the sequence goes on: only if its status is still the one that this was decided on. The event follows. */
  | { readonly type: 'DeleteStrayJobs'; readonly jobs: readonly ObservedJob[]; readonly event: EventDraft }
  /** Find out which of these do not exist. */
  | {
      readonly type: 'CheckDependencies';
      readonly jobName: string;
      readonly dependencies: readonly Dependency[];
    }
  /** Ask the API server itself for the Pods of a Job that failed. */
  | { readonly type: 'InspectPods'; readonly job: ObservedJob }
  /** Ask the API server for the Events about a Job that stands still, or about its Pod. */
  | { readonly type: 'InspectEvents'; readonly job: ObservedJob; readonly subject: EventSubject }
  /** `count`: how often in a row; `event`: where somebody else has let it go on. */
  | { readonly type: 'SuspendJob'; readonly job: ObservedJob; readonly count: number; readonly event?: EventDraft }
  | { readonly type: 'UnsuspendJob'; readonly job: ObservedJob }
  /** Let the Job controller end the Job as one whose time, `seconds`, is up: it stays, with its reason. */
  | { readonly type: 'TerminateJob'; readonly job: ObservedJob; readonly seconds: number }
  /** Delete the SequentialJob itself: its time to live is over. */
  | { readonly type: 'DeleteSequence' };

export interface Decision {
  /** To be done now; after them the decision is made again on what they brought. Empty: nothing but to report. */
  readonly actions: readonly Action[];
  /** The whole status as it should be; undefined where none is written (an object that is going). */
  readonly status: SequentialJobStatus | undefined;
  /** To be emitted once the status was accepted. */
  readonly events: readonly EventDraft[];
  /** When to look again without being told, in milliseconds. */
  readonly requeueAfterMs: number | undefined;
}

/** The states of the machine. They are read off the status, never stored under their own name. */
export const STATES = [
  'New',
  'StepPending',
  'StepRunning',
  'Suspended',
  'Completed',
  'Failed',
  'Deleting',
  'Gone',
] as const;
export type State = (typeof STATES)[number];

/** The sequence on its way through the machine; each effect gives a new one. */
export interface Draft {
  readonly state: State;
  readonly steps: readonly StepStatus[];
  readonly startTime: string | undefined;
  /** From when the deadline counts, where that is not the start. */
  readonly activeStartTime: string | undefined;
  /** Since when the sequence stands still; undefined while it does not. */
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
  /** The same in Unix milliseconds, not rounded. */
  readonly nowMs: number;
}
