/** What keeps the Pod of a step from starting, or from ending, in Kubernetes' own words where it has some. Pure. */
import type { ObservedJob } from '../../shared/api/job.ts';
import type { Obstacle, ObservedEvent, ObservedPod } from '../../shared/api/pod.ts';
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { byCreation, isAlive, millis, ofJob, wantsPods } from './pods.ts';
import { CANNOT_PREPARE, FAILED_CREATE, NO_PULL_SECRET, PULLING } from './standstill.ts';
import type { EventLookupResult } from './types.ts';

/**
 * What keeps this Job's step from going on: somebody else who suspended the Job, the newest Pod's obstacle, what the Events
 * say of a Pod that prepares to start, else why the Job controller may not create one. Undefined as soon as a container
 * runs, and for a Job that has ended, is going or was suspended by us.
 */
export function obstacleOf(
  pods: readonly ObservedPod[],
  look: EventLookupResult | undefined,
  job: ObservedJob | undefined,
): Obstacle | undefined {
  if (job === undefined) return undefined;
  const own = ofJob(pods, job.metadata.uid).sort(byCreation);
  if (job.suspended?.byOperator === false) return suspendedByOthers(job);
  if (!wantsPods(job)) return undefined;
  const stuck = own.findLast(({ obstacle }) => obstacle !== undefined);
  if (stuck?.obstacle !== undefined) return ofPod(stuck, withPullSecret(stuck.obstacle, eventsOf(look, stuck)));
  const waiting = own.findLast(({ waitingSince }) => waitingSince !== undefined);
  if (waiting !== undefined) {
    const event = cannotPrepare(eventsOf(look, waiting));
    return event === undefined ? undefined : ofPod(waiting, event);
  }
  // A Pod on its way means that the API server has let the Job controller create one.
  if ((job.status.active ?? 0) > 0 || own.some(isAlive)) return undefined;
  return failedCreate(eventsOf(look, job), job, own.at(-1));
}

function suspendedByOthers({ metadata: { name, deletionTimestamp }, suspended }: ObservedJob): Obstacle | undefined {
  if (deletionTimestamp !== undefined) return undefined;
  return { reason: REASON.jobSuspended, message: MESSAGE.jobSuspended(name, suspended?.manager) };
}

const ofPod = ({ metadata: { name } }: ObservedPod, obstacle: Obstacle): Obstacle => ({
  reason: obstacle.reason,
  message: `Pod "${name}": ${obstacle.message}`,
  ...(obstacle.isAtEnd === true ? { isAtEnd: true } : {}),
});

function eventsOf(
  look: EventLookupResult | undefined,
  { metadata }: ObservedJob | ObservedPod,
): readonly ObservedEvent[] {
  return look?.uid === metadata.uid ? look.events : [];
}

/** The image that cannot be pulled, and the pull secret that does not exist: the likeliest cause. */
function withPullSecret(obstacle: Obstacle, events: readonly ObservedEvent[]): Obstacle {
  const secret = events.find(({ reason }) => reason === NO_PULL_SECRET);
  return secret === undefined ? obstacle : { ...obstacle, message: `${obstacle.message}; ${secret.message}` };
}

/** The newest; what comes before the images are pulled has passed by then. */
function cannotPrepare(events: readonly ObservedEvent[]): ObservedEvent | undefined {
  const latest = newest(events.filter(({ reason }) => CANNOT_PREPARE.has(reason) || PULLING.has(reason)));
  return latest === undefined || PULLING.has(latest.reason) ? undefined : latest;
}

/**
 * The newest `FailedCreate` of the Job, unless it is past: the Job controller has created a Pod since, or started anew
 * after a suspension, which sets `startTime` again.
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

/** By when they were last seen; the later one in the list where a second holds two. */
function newest(events: readonly ObservedEvent[]): ObservedEvent | undefined {
  return events.toSorted((a, b) => millis(a.lastSeen) - millis(b.lastSeen)).at(-1);
}
