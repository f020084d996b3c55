/** What the controller reads of a batch/v1 Job; the cache keeps this much and no more. */
import { GROUP, KIND } from './group.ts';
import type { ObjectMeta, OwnerReference } from './types.ts';

export interface JobCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface ObservedJob {
  /** The step that the Job was made for, as its labels say; absent where somebody took them off. */
  readonly step: {
    readonly index?: number;
    readonly name?: string;
    /** Resumes acted on when it was made; absent before the first. */
    readonly resumes?: number;
  };
  /** `spec.suspend` is true: whether it was us who set it, and if not, the field manager who did, where that is known. */
  readonly suspended?: { readonly byUs: boolean; readonly manager?: string };
  /**
   * How often we suspended it in a row, and when last (RFC 3339). `undoneBy`: the field manager who let it go on since, where
   * that is known.
   */
  readonly suspensions?: { readonly count: number; readonly at?: string; readonly undoneBy?: string };
  /** `spec.activeDeadlineSeconds`. */
  readonly deadlineSeconds?: number;
  /** The sequence's time limit, in seconds, that we ended it for. */
  readonly endedAfterSeconds?: number;
  /** `spec.managedBy`, where that is another one than the Job controller (1.32). */
  readonly managedBy?: string;
  readonly metadata: Pick<
    ObjectMeta,
    'name' | 'namespace' | 'uid' | 'resourceVersion' | 'creationTimestamp' | 'deletionTimestamp' | 'ownerReferences'
  >;
  readonly status: {
    readonly active?: number;
    /** Pods that are being deleted and still run (1.29); absent once the Job is over. */
    readonly terminating?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly JobCondition[];
  };
}

export type JobOutcome =
  | { readonly type: 'running' }
  | { readonly type: 'succeeded'; readonly at: string | undefined }
  | {
      readonly type: 'failed';
      readonly at: string | undefined;
      readonly reason: string;
      readonly message: string;
    };

/**
 * How the Job ended, if it did. Only `Complete` and `Failed` count: `SuccessCriteriaMet` and `FailureTarget` come
 * before the Pods have ended (KEP-3998), and the next step must not overlap with them.
 */
export function outcomeOf(job: ObservedJob): JobOutcome {
  for (const condition of job.status.conditions ?? []) {
    if (condition.status !== 'True') continue;
    if (condition.type === 'Complete') {
      return { type: 'succeeded', at: job.status.completionTime ?? condition.lastTransitionTime };
    }
    if (condition.type === 'Failed') {
      const { reason = 'Failed', message = '', lastTransitionTime } = condition;
      return { type: 'failed', at: lastTransitionTime, reason, message };
    }
  }
  return { type: 'running' };
}

/** Whether the Job is to fail and waits for its last Pods to end: it starts no other Pod (1.31 and newer). */
export function willFail({ status }: ObservedJob): boolean {
  return (status.conditions ?? []).some((one) => one.type === 'FailureTarget' && one.status === 'True');
}

/** Whether the Job failed because its sequence's time was up: no user can give it a time limit of 0 s. */
export function isEndedByUs(job: ObservedJob | undefined): boolean {
  const outcome = job?.deadlineSeconds === 0 ? outcomeOf(job) : undefined;
  return outcome?.type === 'failed' && outcome.reason === 'DeadlineExceeded';
}

/** The owner reference that marks the object's controller, if that is a SequentialJob. */
export function sequentialJobOwner(job: ObservedJob): OwnerReference | undefined {
  return job.metadata.ownerReferences?.find(isSequentialJobController);
}

/** Whether this owner is a SequentialJob, of whatever version, and the object's controller. Other groups may have the kind, too. */
export function isSequentialJobController({ controller, kind, apiVersion }: OwnerReference): boolean {
  return controller === true && kind === KIND && apiVersion.startsWith(`${GROUP}/`);
}
