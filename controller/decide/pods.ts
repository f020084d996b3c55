/** Questions about Pods and the Job that they belong to. Pure. */
import { type ObservedJob, outcomeOf, isFailing } from '../../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';

/** Whether the Job controller is to keep a Pod of this Job running. */
export function wantsPods(job: ObservedJob): boolean {
  const { metadata, suspended, status, deadlineSeconds } = job;
  const isHeld = metadata.deletionTimestamp !== undefined || suspended !== undefined;
  const isDecided = isFailing(job) || (status.succeeded ?? 0) > 0 || deadlineSeconds === 0;
  return !isHeld && !isDecided && outcomeOf(job).type === 'running';
}

/** Whether the Pod runs, or may yet. */
export function isAlive(pod: ObservedPod): boolean {
  return pod.metadata.deletionTimestamp === undefined && !hasEnded(pod);
}

/** The Job's own: a Pod that only its label gives to the Job tells nothing of it. */
export function ofJob(pods: readonly ObservedPod[], jobUID: string): ObservedPod[] {
  return pods.filter((pod) => pod.jobUID === jobUID);
}

/** Oldest first; the order of their names where a second holds two. */
export function byCreation(a: ObservedPod, b: ObservedPod): number {
  const created = ({ metadata }: ObservedPod): number => millis(metadata.creationTimestamp);
  return (
    created(a) - created(b) || (a.metadata.name < b.metadata.name ? -1 : Number(a.metadata.name > b.metadata.name))
  );
}

/** Unix milliseconds; 0, long ago, where a time is missing or unreadable. */
export function millis(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time) || 0;
}
