/** The fields of a batch/v1 Job that the controller reads; the cache keeps only these. */
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
  /** The step that the Job belongs to, from its labels; fields are absent if someone removed the labels. */
  readonly step: {
    readonly index?: number;
    /** The index is one in `finally`. */
    readonly isFinally?: true;
    readonly name?: string;
    /** The number of resumes before the Job was created; absent before the first. */
    readonly resumes?: number;
  };
  /**
   * Set if `spec.suspend` is true. `byOperator`: the operator suspended it. `manager`: the other field manager that
   * did, if known.
   */
  readonly suspended?: { readonly byOperator: boolean; readonly manager?: string };
  /**
   * How often in a row the operator suspended the Job, and when last (RFC 3339). `undoneBy`: the field manager that
   * unsuspended it since, if known.
   */
  readonly suspensions?: { readonly count: number; readonly at?: string; readonly undoneBy?: string };
  /** `spec.activeDeadlineSeconds`. */
  readonly deadlineSeconds?: number;
  /** The `activeDeadlineSeconds` of the sequence for which the operator ended the Job. */
  readonly endedAfterSeconds?: number;
  /** Why the operator ended the Job, if that was because no container started in time. */
  readonly endedBecause?: { readonly reason: string; readonly message: string };
  /** `spec.managedBy`, unless it is the Job controller (Kubernetes 1.32). */
  readonly managedBy?: string;
  readonly metadata: Pick<
    ObjectMeta,
    'name' | 'namespace' | 'uid' | 'resourceVersion' | 'creationTimestamp' | 'deletionTimestamp' | 'ownerReferences'
  >;
  readonly status: {
    readonly active?: number;
    /** Pods that are being deleted and still run (Kubernetes 1.29); absent once the Job has finished. */
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
 * The result of the Job. Only `Complete` and `Failed` count: `SuccessCriteriaMet` and `FailureTarget` are set before
 * the Pods have terminated (KEP-3998), and the next step must not overlap with them.
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

/**
 * Whether the Job is about to fail and waits only for its Pods to terminate; it creates no more Pods (1.31 and
 * newer).
 */
export function isFailing({ status }: ObservedJob): boolean {
  return (status.conditions ?? []).some((one) => one.type === 'FailureTarget' && one.status === 'True');
}

/**
 * Whether the Job failed because the operator ended it for the sequence's deadline: only the operator can set
 * `activeDeadlineSeconds` to 0.
 */
export function endedByOperator(job: ObservedJob | undefined): boolean {
  const outcome = job?.deadlineSeconds === 0 && job.endedBecause === undefined ? outcomeOf(job) : undefined;
  return outcome?.type === 'failed' && outcome.reason === 'DeadlineExceeded';
}

/**
 * Why the Job failed if the operator ended it because no container started in time; undefined for any other Job. Before
 * 1.21 the Job controller may give another reason, because it counts the Pod that it has deleted.
 */
export function endedBeforeStart(job: ObservedJob): ObservedJob['endedBecause'] {
  return job.deadlineSeconds === 0 && outcomeOf(job).type === 'failed' ? job.endedBecause : undefined;
}

/** The owner reference that marks the object's controller, if that is a SequentialJob. */
export function sequentialJobOwner(job: ObservedJob): OwnerReference | undefined {
  return job.metadata.ownerReferences?.find(isSequentialJobController);
}

/** Whether this owner is the controller of the object and a SequentialJob of any version of this API group. */
export function isSequentialJobController({ controller, kind, apiVersion }: OwnerReference): boolean {
  return controller === true && kind === KIND && apiVersion.startsWith(`${GROUP}/`);
}
