/**
 * How many Pods of a running step are gone. The step's Job forgets some of them: those that a suspension deletes, those that a
 * rule of its podFailurePolicy ignores (as of a drained node), and those that somebody has deleted.
 *
 * In memory only. Of Pods that were gone before this process had listed Pods, the record in the status tells, if they were
 * seen by the process before; of those that came and went between two lists, or while no process ran, nobody knows. Where it
 * is not clear whether the last attempt on record has had a Pod, it is taken for one that has not.
 */
import type { ObservedJob } from '../shared/api/job.ts';
import type { ObservedPod } from '../shared/api/pod.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../shared/api/types.ts';
import { type Cache, type Key, keyOf } from '../shared/kube/cache.ts';
import type { GonePodsOfJob } from './decide/index.ts';
import { ofJob } from './decide/pods.ts';

interface Caches {
  /** By the UID of their Job. */
  readonly pods: Cache<ObservedPod>;
  readonly jobs: Cache<ObservedJob>;
  readonly sequentialJobs: Cache<SequentialJob>;
}

export class DeletedPods {
  /** For each sequence that exists, those of the last step of which a Pod has gone. */
  readonly #gone = new Map<Key, GonePodsOfJob>();

  /** Follows the caches of Pods and SequentialJobs from now on. */
  constructor({ pods, jobs, sequentialJobs }: Caches) {
    pods.subscribe(({ type, object: { metadata, sequentialJob, jobUID } }) => {
      if (type !== 'deleted' || sequentialJob === undefined || jobUID === undefined) return;
      const key = `${metadata.namespace}/${sequentialJob}`;
      const step = runningStep(jobUID, sequentialJobs.get(key)?.status);
      if (step === undefined) return;
      const job = jobs.get(`${metadata.namespace}/${step.jobName}`);
      const before =
        this.of(key, jobUID)?.count ?? deletedBeforeStart(step, job, ofJob(pods.indexed(jobUID), jobUID).length + 1);
      this.#gone.set(key, { jobUID, count: before + 1 });
    });
    sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#gone.delete(keyOf(object));
    });
  }

  /** Those of this Job; undefined where none is known to be gone. */
  of(key: Key, jobUID: string): GonePodsOfJob | undefined {
    const gone = this.#gone.get(key);
    return gone?.jobUID === jobUID ? gone : undefined;
  }
}

/** The step of this Job while it runs: afterwards its Pods are deleted with the Job, and nobody asks how many there were. */
function runningStep(jobUID: string, status: SequentialJobStatus | undefined): StepStatus | undefined {
  const last = status?.steps?.at(-1);
  return last?.state === 'Running' && last.jobUID === jobUID ? last : undefined;
}

/**
 * Pods that an earlier process has counted and that were gone when this one listed Pods. Where the Job counts a failure, the
 * next attempt is recorded before it has a Pod.
 */
function deletedBeforeStart({ attempts = 0 }: StepStatus, job: ObservedJob | undefined, listed: number): number {
  const { failed = 0 } = job?.status ?? {};
  const isForeseen = failed > 0 && attempts === failed + 1;
  return Math.max(0, attempts - (isForeseen ? 1 : 0) - listed);
}
