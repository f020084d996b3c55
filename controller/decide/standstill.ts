/**
 * A step that stands still for a reason that no status tells: volumes that cannot be mounted, a network that is not ready,
 * Pods that the Job controller may not create. Only the Events about the Pod or the Job say why. Pure.
 */
import type { ObservedJob } from '../../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/conditions.ts';
import { byCreation, isAlive, millis, ofJob, wantsPods } from './pods.ts';
import type { Context, EventSubject } from './types.ts';

/** The Job controller's word for Pods that the API server refuses it (kubernetes/pkg/controller/controller_utils.go). */
export const FAILED_CREATE = 'FailedCreate';
/** A kubelet found no image pull secret of this name, and tried without (kubernetes/pkg/kubelet/kubelet_pods.go, 1.28). */
export const NO_PULL_SECRET = 'FailedToRetrieveImagePullSecret';
/** Images are pulled when the Pod has its network and its volumes (kubernetes/pkg/kubelet/events/event.go). */
export const PULLING: ReadonlySet<string> = new Set(['Pulling', 'Pulled']);

/** Why a Pod that has a node starts no container (kubernetes/pkg/kubelet/events, attachdetach and nodeports controllers). */
export const CANNOT_PREPARE: ReadonlySet<string> = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedMapVolume',
  'FailedMountOnFilesystemMismatch',
  'FailedCreatePodSandBox',
  'FailedPodSandBoxStatus',
  'FailedPrepareDynamicResources',
  'FailedCreatePodContainer',
  'FailedSync',
  'NetworkNotReady',
]);

/** The reasons of the Events that decisions are made of; of others nothing is kept. */
export const TELLING_REASONS: ReadonlySet<string> = new Set([
  FAILED_CREATE,
  NO_PULL_SECRET,
  ...PULLING,
  ...CANNOT_PREPARE,
]);

/** Why a container's image cannot be pulled (kubernetes/pkg/kubelet/images/types.go). */
const CANNOT_PULL: ReadonlySet<string> = new Set(['ErrImagePull', 'ImagePullBackOff']);

/** What is to be asked about, and from when on. */
interface Standstill {
  readonly subject: EventSubject;
  /** Unix milliseconds. */
  readonly fromMs: number;
}

/** A Job controller creates a Pod within a moment, and what keeps it from that is to be told within 2 s. */
const JOB_PATIENCE_MS = 2_000;
/** Volumes, network and images take their time. */
const POD_PATIENCE_MS = 15_000;

/** How long the Job controller waits before it replaces a Pod that failed (kubernetes/pkg/controller/job: 10 s, doubled, 10 min at most). */
const POD_BACKOFF = { baseMs: 10_000, maxMs: 600_000 } as const;

/** The longer the step has stood still, the rarer it is asked about. */
const RECHECK = { minMs: { Job: 2_000, Pod: 5_000 }, maxMs: 30_000 } as const;

/** Whose Events explain best why this Job does not go on; undefined where it does, or its Pods' status says why it does not. */
function standstillOf(context: Context, job: ObservedJob): Standstill | undefined {
  if (!wantsPods(job)) return undefined;
  const { pods = [], object } = context.snapshot;
  const own = ofJob(pods, job.metadata.uid).sort(byCreation);
  const stuck = own.findLast(({ obstacle }) => obstacle !== undefined);
  if (stuck?.obstacle !== undefined) {
    const pullSecrets = object.spec.template?.spec?.imagePullSecrets ?? [];
    const isAsked = pullSecrets.length > 0 && CANNOT_PULL.has(stuck.obstacle.reason);
    return isAsked ? { subject: { ...subjectOf('Pod', stuck), isOfImage: true }, fromMs: 0 } : undefined;
  }
  const waiting = own.findLast(({ waitingSince }) => waitingSince !== undefined);
  if (waiting !== undefined) {
    return { subject: subjectOf('Pod', waiting), fromMs: millis(waiting.waitingSince) + POD_PATIENCE_MS };
  }
  const { active = 0, terminating = 0 } = job.status;
  if (active + terminating > 0 || own.some(isAlive)) return undefined;
  const fromMs = Math.max(podDueMs(own, job), wentOnMs(context)) + JOB_PATIENCE_MS;
  return { subject: subjectOf('Job', job), fromMs };
}

/** When the Job controller should have created the next Pod. */
function podDueMs(pods: readonly ObservedPod[], { metadata, status: { failed = 0, startTime } }: ObservedJob): number {
  const lastEnd = Math.max(0, ...pods.map(({ termination }) => millis(termination?.at)));
  const backoffMs = failed === 0 ? 0 : Math.min(POD_BACKOFF.maxMs, POD_BACKOFF.baseMs * 2 ** (failed - 1));
  return Math.max(millis(metadata.creationTimestamp), millis(startTime), lastEnd + backoffMs);
}

/** When the sequence was last let go on after a suspension: now, where that is not recorded yet; 0 for never. */
function wentOnMs({ snapshot: { object }, nowMs }: Context): number {
  const suspended = getCondition(object.status?.conditions, 'Suspended');
  return suspended?.status === 'True' ? nowMs : millis(suspended?.lastTransitionTime);
}

const subjectOf = (
  kind: EventSubject['kind'],
  { metadata: { name, uid } }: ObservedJob | ObservedPod,
): EventSubject => ({
  kind,
  name,
  uid,
});

/** A question about Events, and when it is due. */
export interface EventQuestion {
  readonly subject: EventSubject;
  /** Unix milliseconds. */
  readonly dueMs: number;
}

/** What the Events are to be asked for about this Job, and when; undefined where there is nothing to ask. */
export function eventQuestion(context: Context, job: ObservedJob | undefined): EventQuestion | undefined {
  const { eventLookup } = context.snapshot;
  const standstill = job === undefined ? undefined : standstillOf(context, job);
  if (standstill === undefined) return undefined;
  const { subject, fromMs } = standstill;
  if (eventLookup?.uid !== subject.uid || eventLookup.isOfImage !== subject.isOfImage)
    return { subject, dueMs: fromMs };
  if (eventLookup.retryMs !== undefined) return { subject, dueMs: eventLookup.retryMs };
  // One answer is enough: the Event comes before what it explains.
  if (subject.isOfImage === true) return undefined;
  const wait = Math.round((eventLookup.askedMs - fromMs) / 4);
  return { subject, dueMs: eventLookup.askedMs + Math.min(RECHECK.maxMs, Math.max(RECHECK.minMs[subject.kind], wait)) };
}

/** Whether the last question about why the Job's step stands still has not been answered. */
export function isEventLookupPending(context: Context, job: ObservedJob | undefined): boolean {
  const { eventLookup } = context.snapshot;
  const subject = eventQuestion(context, job)?.subject;
  const isOfIt = subject?.uid === eventLookup?.uid && subject?.isOfImage === eventLookup?.isOfImage;
  return eventLookup?.retryMs !== undefined && isOfIt;
}

/** How long the watch of Pods may be behind that of Jobs. */
const BEHIND_MS = 5_000;

/**
 * When to look at this Job again although nothing tells that it stands still, in Unix milliseconds: it counts a Pod that is not in
 * sight yet, and the first sight of one is no news.
 */
export function unseenPodMs(
  { snapshot: { pods, podsForbidden }, nowMs }: Context,
  job: ObservedJob,
): number | undefined {
  // The Pods of a Job that another controller runs may be in another cluster.
  if (
    job.managedBy !== undefined ||
    pods === undefined ||
    podsForbidden === true ||
    !wantsPods(job) ||
    (job.status.active ?? 0) === 0
  )
    return undefined;
  const { failed = 0, succeeded = 0 } = job.status;
  const own = ofJob(pods, job.metadata.uid);
  // Where one has ended that the Job does not count yet, that is the one.
  const isInSight = own.length > failed + succeeded || own.some((pod) => !hasEnded(pod));
  return isInSight ? undefined : nowMs + BEHIND_MS;
}
