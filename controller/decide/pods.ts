/** Predicates on Pods and their Job. Pure. */
import { type ObservedJob, outcomeOf, isFailing } from '../../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';

/** Whether the Job controller should keep a Pod of this Job running. */
export function wantsPods(job: ObservedJob): boolean {
  const { metadata, suspended, status, deadlineSeconds } = job;
  const isStopped = metadata.deletionTimestamp !== undefined || suspended !== undefined;
  const isDecided = isFailing(job) || (status.succeeded ?? 0) > 0 || deadlineSeconds === 0;
  return !isStopped && !isDecided && outcomeOf(job).type === 'running';
}

/** Whether another client has suspended the Job: the Job controller does not end it at its time limit. */
export function isHeldByOthers(job: ObservedJob | undefined): boolean {
  return job?.suspended?.byOperator === false && (job.status.active ?? 0) === 0;
}

/** Whether the Pod runs or may still start. */
export function isAlive(pod: ObservedPod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !hasEnded(pod);
}

/** The Pods that the Job controls; a Pod that only carries the Job's label does not count. */
export function ofJob(pods: readonly ObservedPod[], jobUID: string): ObservedPod[] {
  return pods.filter((pod) => pod.jobUID === jobUID);
}

/** Compares by creation time, oldest first; within the same second, by name. */
export function byCreation(a: ObservedPod, b: ObservedPod): number {
  const created = ({ metadata }: ObservedPod): number => millis(metadata.creationTimestamp);
  return (
    created(a) - created(b) || (a.metadata.name < b.metadata.name ? -1 : Number(a.metadata.name > b.metadata.name))
  );
}

/** Unix milliseconds; 0 if the time is missing or unreadable. */
export function millis(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time) || 0;
}
