/** What goes into a decision and what comes out of it: plain, readonly data. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { EventDraft, Failure } from '../../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../shared/api/types.ts';

/** What a request of this reconcile told about a Job beyond what the cache knows, by Job name. */
export type Finding =
  /** Asked for and not there. */
  | { readonly type: 'absent' }
  /** The name is taken by a Job that is not ours; `deleting` says that it is on its way out. */
  | { readonly type: 'foreign'; readonly owner: string; readonly deleting: boolean }
  /** Ours, but without the labels that we watch by: it tells nothing by itself. */
  | { readonly type: 'unwatched' }
  /** The API server will not have this Job, however often it is asked. */
  | { readonly type: 'rejected'; readonly message: string };

/** Everything a decision is made of. Frozen by convention: nobody changes what the cache shares. */
export interface Snapshot {
  readonly object: SequentialJob;
  /** The Jobs whose controller is this object's UID. */
  readonly jobs: readonly ObservedJob[];
  readonly findings: Readonly<Record<string, Finding>>;
  /** What keeps the last action from succeeding, where it may pass by itself. */
  readonly trouble?: string;
}

export type Action =
  | { readonly type: 'AddFinalizer' }
  | { readonly type: 'RemoveFinalizer' }
  | { readonly type: 'CreateJob'; readonly index: number; readonly resumes: number; readonly jobName: string }
  /** Ask the API server itself for a Job that the cache does not have. */
  | { readonly type: 'ConfirmJob'; readonly jobName: string; readonly jobUID: string }
  | { readonly type: 'DeleteJobs'; readonly jobs: readonly ObservedJob[] };

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
export const STATES = ['New', 'StepPending', 'StepRunning', 'Completed', 'Failed', 'Deleting', 'Gone'] as const;
export type State = (typeof STATES)[number];

/** The sequence on its way through the machine; each effect gives a new one. */
export interface Draft {
  readonly state: State;
  readonly steps: readonly StepStatus[];
  readonly startTime: string | undefined;
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
}
