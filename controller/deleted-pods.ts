/**
 * Counts the deleted Pods of running steps. The Job's status omits some of them: Pods deleted by a suspension, Pods
 * that a podFailurePolicy rule ignores (of a drained node, if there is such a rule), and Pods deleted by a user.
 *
 * In memory only. Pods deleted before this process listed Pods are taken from the recorded attempts, if an earlier
 * process saw them; Pods that came and went between two lists or while no process ran are not counted. If it is unclear
 * whether the last recorded attempt had a Pod, it is assumed to have had none.
 */
import type { ObservedJob } from '../shared/api/job.ts';
import type { ObservedPod } from '../shared/api/pod.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../shared/api/types.ts';
import { type Cache, type Key, keyOf } from '../shared/kube/cache.ts';
import type { DeletedPodsOfJob } from './decide/index.ts';
import { ofJob } from './decide/pods.ts';

interface Caches {
  /** Indexed by the UID of their Job. */
  readonly pods: Cache<ObservedPod>;
  readonly jobs: Cache<ObservedJob>;
  readonly sequentialJobs: Cache<SequentialJob>;
}

export class DeletedPods {
  /** For each existing sequence: the deleted Pods of the last step that lost one. */
  readonly #deleted = new Map<Key, DeletedPodsOfJob>();

  /** Subscribes to the caches of Pods and SequentialJobs. */
  constructor({ pods, jobs, sequentialJobs }: Caches) {
    pods.subscribe(({ type, object: { metadata, sequentialJob, jobUID } }) => {
      if (type !== 'deleted' || sequentialJob === undefined || jobUID === undefined) return;
      const key = `${metadata.namespace}/${sequentialJob}`;
      const step = runningStep(jobUID, sequentialJobs.get(key)?.status);
      if (step === undefined) return;
      const job = jobs.get(`${metadata.namespace}/${step.jobName}`);
      const before =
        this.of(key, jobUID)?.count ?? deletedBeforeStart(step, job, ofJob(pods.indexed(jobUID), jobUID).length + 1);
      this.#deleted.set(key, { jobUID, count: before + 1 });
    });
    sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#deleted.delete(keyOf(object));
    });
  }

  /** The deleted Pods of this Job; undefined if none is known. */
  of(key: Key, jobUID: string): DeletedPodsOfJob | undefined {
    const deleted = this.#deleted.get(key);
    return deleted?.jobUID === jobUID ? deleted : undefined;
  }
}

/** The running step of this Job. The Pods of an ended step are deleted with the Job and need not be counted. */
function runningStep(jobUID: string, status: SequentialJobStatus | undefined): StepStatus | undefined {
  const last = (status?.finally ?? status?.steps)?.at(-1);
  return last?.state === 'Running' && last.jobUID === jobUID ? last : undefined;
}

/**
 * Pods that an earlier process has counted and that were deleted before this one listed Pods. If the Job counts a
 * failure, the next attempt is recorded before it has a Pod.
 */
function deletedBeforeStart({ attempts = 0 }: StepStatus, job: ObservedJob | undefined, listed: number): number {
  const { failed = 0 } = job?.status ?? {};
  const isNextAttemptRecorded = failed > 0 && attempts === failed + 1;
  return Math.max(0, attempts - (isNextAttemptRecorded ? 1 : 0) - listed);
}
