/**
 * Why the Job of a step makes no progress: its Pod cannot start, cannot end, or cannot be created. Uses the reasons of
 * Kubernetes where it has some. Pure.
 */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { Obstacle, ObservedEvent, ObservedPod } from '../../shared/api/pod.ts';
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { byCreation, isAlive, millis, ofJob, wantsPods } from './pods.ts';
import { CANNOT_BIND, CANNOT_PREPARE, FAILED_CREATE, NO_PULL_SECRET, PULLING } from './event-lookups.ts';
import type { EventLookupResult } from './types.ts';

/**
 * Why this Job makes no progress. Checked in this order: another client has suspended the Job, the obstacle of its
 * newest Pod, the Events about a Pod that is being prepared, the Job's FailedCreate Events. Undefined if a container
 * runs, and for a Job that has ended, is being deleted or was suspended by the operator.
 */
export function obstacleOf(
  pods: readonly ObservedPod[],
  lookup: EventLookupResult | undefined,
  job: ObservedJob | undefined,
): Obstacle | undefined {
  if (job === undefined) return undefined;
  const own = ofJob(pods, job.metadata.uid).sort(byCreation);
  if (job.suspended?.byOperator === false) return suspendedByOthers(job);
  if (!wantsPods(job)) return undefined;
  const stuck = own.findLast(({ obstacle }) => obstacle !== undefined);
  if (stuck?.obstacle !== undefined) return withPodName(stuck, withCause(stuck.obstacle, eventsOf(lookup, stuck)));
  const waiting = own.findLast(({ waitingSince }) => waitingSince !== undefined);
  if (waiting !== undefined) {
    const event = preparationFailure(eventsOf(lookup, waiting));
    return event === undefined ? undefined : withPodName(waiting, event);
  }
  // An active Pod means that the Job controller could create one.
  if ((job.status.active ?? 0) > 0 || own.some(isAlive)) return undefined;
  return failedCreate(eventsOf(lookup, job), job, own.at(-1));
}

function suspendedByOthers({ metadata: { name, deletionTimestamp }, suspended }: ObservedJob): Obstacle | undefined {
  if (deletionTimestamp !== undefined) return undefined;
  return { reason: REASON.jobSuspended, message: MESSAGE.jobSuspended(name, suspended?.manager) };
}

const withPodName = ({ metadata: { name } }: ObservedPod, obstacle: Obstacle): Obstacle => ({
  reason: obstacle.reason,
  message: `Pod "${name}": ${obstacle.message}`,
  ...(obstacle.isAtEnd === true ? { isAtEnd: true } : {}),
});

function eventsOf(
  lookup: EventLookupResult | undefined,
  { metadata }: ObservedJob | ObservedPod,
): readonly ObservedEvent[] {
  return lookup?.uid === metadata.uid ? lookup.events : [];
}

/**
 * Appends the most likely cause: the missing pull secret to a failed image pull, or why a claim has no volume to what
 * the scheduler says.
 */
function withCause(obstacle: Obstacle, events: readonly ObservedEvent[]): Obstacle {
  const [cause] = [NO_PULL_SECRET, ...CANNOT_BIND].flatMap((wanted) =>
    events.filter(({ reason }) => reason === wanted),
  );
  return cause === undefined ? obstacle : { ...obstacle, message: `${obstacle.message}; ${cause.message}` };
}

/**
 * The newest preparation failure; undefined if the kubelet has started to pull images since, which it does after the
 * preparation.
 */
function preparationFailure(events: readonly ObservedEvent[]): ObservedEvent | undefined {
  const latest = newest(events.filter(({ reason }) => CANNOT_PREPARE.has(reason) || PULLING.has(reason)));
  return latest === undefined || PULLING.has(latest.reason) ? undefined : latest;
}

/**
 * The newest `FailedCreate` Event of the Job; undefined if the Job controller has created a Pod since, or has restarted
 * the Job after a suspension, which sets `startTime` again.
 */
function failedCreate(
  events: readonly ObservedEvent[],
  job: ObservedJob,
  newestPod: ObservedPod | undefined,
): Obstacle | undefined {
  const latest = newest(events.filter(({ reason }) => reason === FAILED_CREATE));
  const since = Math.max(millis(newestPod?.metadata.creationTimestamp), millis(job.status.startTime));
  if (latest === undefined || millis(latest.lastSeen) < since) return undefined;
  return { reason: latest.reason, message: latest.message };
}

/** The Event with the latest `lastSeen`; of several within the same second, the last in the list. */
function newest(events: readonly ObservedEvent[]): ObservedEvent | undefined {
  return events.toSorted((a, b) => millis(a.lastSeen) - millis(b.lastSeen)).at(-1);
}
