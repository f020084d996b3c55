/** The input and the output of a decision about a CronSequentialJob: plain, readonly data. */
import type { ScheduleEventDraft } from '../../../shared/api/schedule-reasons.ts';
import type { CachedSchedule, CronSequentialJobStatus } from '../../../shared/api/schedule.ts';

/** A SequentialJob whose controller is the schedule. */
export interface Run {
  readonly name: string;
  readonly uid: string;
  readonly creationTimestamp: string;
  /** Of its annotation; undefined if a client has removed it. */
  readonly scheduledTime?: string;
  readonly state: 'Active' | 'Completed' | 'Failed';
  readonly completionTime?: string;
  readonly isBeingDeleted: boolean;
}

/** What the requests of this reconcile have shown about the run of a name; the newest answer counts. */
export type RunFinding =
  /** The API server answered 404, or with a run of another UID than the recorded one. */
  | { readonly type: 'notFound' }
  /** It was created, or found as the schedule's own; `run` is also in `runs` of the snapshot. */
  | { readonly type: 'exists' }
  /**
   * A SequentialJob that the schedule does not control has the name. It is never adopted or deleted. `owner` continues a
   * sentence: `is controlled by CronSequentialJob "other"`, `is not controlled by any object`.
   */
  | { readonly type: 'nameConflict'; readonly owner: string; readonly isBeingDeleted: boolean }
  /** The API server or a webhook refuses the run permanently (403 of a policy, 422). */
  | { readonly type: 'rejected'; readonly message: string }
  /** It cannot be created for now. */
  | { readonly type: 'postponed'; readonly reason: 'QuotaExceeded' | 'PermissionDenied'; readonly message: string };

/** The input of a decision. */
export interface ScheduleSnapshot {
  readonly object: CachedSchedule;
  /** The object is in the operator's own namespace, where no SequentialJobs run. */
  readonly isInOwnNamespace?: boolean;
  /** In no particular order. */
  readonly runs: readonly Run[];
  /** By run name. */
  readonly findings: Readonly<Record<string, RunFinding>>;
}

export type ScheduleAction =
  /**
   * Write the status of this decision, if the object is still the one of the snapshot (`resourceVersion`), then decide
   * again on what was written: a run is created only after its time is recorded. The events of the decision are emitted
   * with it.
   */
  | { readonly type: 'RecordStatus' }
  /**
   * Create the run from the template of the object as the API server has it now. If that has another generation than the
   * snapshot's, or its `status.active` does not have the run without a UID any more, somebody else has gone on: nothing
   * is created, and the reconcile begins anew. `AlreadyExists` is answered with a finding.
   */
  | { readonly type: 'CreateRun'; readonly name: string; readonly scheduledTime: string }
  /** GET a recorded run that the cache does not have; without `uid`: one of which it is not known if it was created. */
  | { readonly type: 'ConfirmRun'; readonly name: string; readonly uid?: string }
  /**
   * Delete runs, each with a precondition on its UID; their Jobs are deleted by their own finalizer. In the snapshot of
   * the next decision they are being deleted, or gone.
   */
  | { readonly type: 'DeleteRuns'; readonly runs: readonly Run[]; readonly because: 'Replaced' | 'HistoryLimit' };

export interface ScheduleDecision {
  /** Executed now, then the decision is made again. Empty: only the status and the events are left to write. */
  readonly actions: readonly ScheduleAction[];
  /** The complete desired status; undefined for an object that is being deleted, whose status is not written. */
  readonly status: CronSequentialJobStatus | undefined;
  /** Emitted after the API server has accepted the status. */
  readonly events: readonly ScheduleEventDraft[];
  /** Decide again after this many milliseconds; undefined: only when a watch event arrives. */
  readonly requeueAfterMs: number | undefined;
}
