/** The fields of a Pod that the controller reads; the cache keeps only these. */
import type { ObjectMeta } from './types.ts';

/** How the container that decides the Pod's result terminated. */
export interface PodTermination {
  /** The container's name; absent if the Pod as a whole terminated (an eviction). */
  readonly container?: string;
  readonly exitCode?: number;
  /** Kubernetes' reason: `Error`, `OOMKilled`, `Evicted`, … */
  readonly reason: string;
  /**
   * The termination message, or the end of the log if there is none; at most 1 KiB with its middle cut out; may be
   * empty.
   */
  readonly message: string;
  /**
   * The whole termination message of the step's own container in a Pod that succeeded, in printable characters; at most
   * 4096 bytes. Absent if it is empty, and for every other container.
   */
  readonly result?: string;
  /** RFC 3339; absent if the kubelet did not report it. */
  readonly at?: string;
  /**
   * The container failed and the kubelet restarts it in the same Pod (`restartPolicy: OnFailure`), which the Job does
   * not count as a failure.
   */
  readonly restarting?: true;
}

/** Why a Pod cannot start, or cannot end, with Kubernetes' own reason if it has one. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
  /** The step's container has terminated, and something else keeps the Pod running. */
  readonly isAtEnd?: true;
}

export interface ObservedPod {
  readonly metadata: Pick<
    ObjectMeta,
    'name' | 'namespace' | 'uid' | 'resourceVersion' | 'creationTimestamp' | 'deletionTimestamp'
  >;
  /** The name of the SequentialJob, from the Pod's label. */
  readonly sequentialJob?: string;
  /**
   * The UID of the Job that controls the Pod or, if the Pod lost its controller, of the Job that this process saw
   * control it.
   */
  readonly jobUID?: string;
  /**
   * The UID of the Job in the label of a Pod without a controller. Either the Job was deleted with orphaned Pods, or
   * the creator of the Pod wrote the label. Such a Pod says nothing about the Job; only `leftoverPods` considers it.
   */
  readonly labelJobUID?: string;
  /** Set while something keeps the Pod from starting or from ending. */
  readonly obstacle?: Obstacle;
  /**
   * When the Pod was scheduled (RFC 3339). Set while it is on a node, no container has started, and its status gives
   * no reason.
   */
  readonly waitingSince?: string;
  /** No container of the Pod has started, init containers and sidecars included. */
  readonly neverStarted?: true;
  /** The node of a Pod that is being deleted. */
  readonly node?: string;
  /**
   * The Pod is being deleted and its phase is Succeeded or Failed: the Job does not wait for it, even if a finalizer
   * keeps the object.
   */
  readonly hasTerminated?: true;
  /**
   * The last termination of the deciding container: a failure, a success that other containers keep from ending the
   * Pod, or the success that ended it; absent if none occurred.
   */
  readonly termination?: PodTermination;
  /**
   * Whether the Pod has not succeeded although `termination` is set: its container failed, also while it is restarted,
   * or it completed and other containers keep the Pod running.
   */
  readonly failed: boolean;
}

/** The part of a core/v1 Event about a Job or a Pod that is kept. */
export interface ObservedEvent {
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastSeen?: string;
}

/** Whether the deciding container has terminated and is not restarted. */
export const hasEnded = ({ termination }: ObservedPod): boolean =>
  termination !== undefined && termination.restarting !== true;
