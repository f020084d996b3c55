/** What the controller reads of a Pod; the cache keeps this much and no more. */
import type { ObjectMeta } from './types.ts';

/** How the container that decided a Pod's fate ended. */
export interface PodTermination {
  /** The container's name; absent where the Pod as a whole came to an end (an eviction). */
  readonly container?: string;
  readonly exitCode?: number;
  /** Kubernetes' own word: `Error`, `OOMKilled`, `Evicted`, … */
  readonly reason: string;
  /** The termination message, or the end of the log where there was none, at most 1 KiB, its middle cut out; may be empty. */
  readonly message: string;
  /** RFC 3339; absent where the kubelet did not say. */
  readonly at?: string;
  /** The container failed before and is run again in the same Pod (`restartPolicy: OnFailure`), which no Job counts. */
  readonly restarting?: true;
}

/** Why a Pod cannot start, or end, in Kubernetes' own words where it has some. */
export interface Obstacle {
  readonly reason: string;
  readonly message: string;
  /** The step's container has ended, and something else keeps the Pod running. */
  readonly isAtEnd?: true;
}

export interface ObservedPod {
  readonly metadata: Pick<
    ObjectMeta,
    'name' | 'namespace' | 'uid' | 'resourceVersion' | 'creationTimestamp' | 'deletionTimestamp'
  >;
  /** The name of the SequentialJob, as its label says. */
  readonly sequentialJob?: string;
  /** The UID of the Job that controls it or, where it has lost its controller, that this process has seen control it. */
  readonly jobUID?: string;
  /**
   * The UID of the Job that its label names, of a Pod that nobody controls: that Job's deletion has left it behind, or whoever
   * created it wrote the label. It tells nothing of the Job, and holds nothing back but what `podsLeft` says.
   */
  readonly labelJobUID?: string;
  /** Set while something keeps it from starting, or from ending. */
  readonly obstacle?: Obstacle;
  /** Set while the Pod is on a node and no container of it was started, for no reason that its status tells: since when. */
  readonly waitingSince?: string;
  /** The node that it is to leave, of a Pod that is being deleted. */
  readonly node?: string;
  /** It is being deleted, and its phase is Succeeded or Failed: its Job does not wait for it, whatever still holds the object. */
  readonly hasTerminated?: true;
  /** The last end of its deciding container: a failure, or the success that ended the Pod; absent while all goes well. */
  readonly termination?: PodTermination;
  /** Whether `termination` is a failure; also while the container is run again, until it succeeds. */
  readonly failed: boolean;
}

/** What is kept of a core/v1 Event about a Job or a Pod. */
export interface ObservedEvent {
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastSeen?: string;
}

/** Whether its deciding container has ended for good. */
export const hasEnded = ({ termination }: ObservedPod): boolean =>
  termination !== undefined && termination.restarting !== true;
