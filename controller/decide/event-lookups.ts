/**
 * Decides when to list Events. Some causes of a stuck step are only in the Events about its Pod or Job: volumes that
 * cannot be mounted, a network that is not ready, Pods that the Job controller cannot create. Pure.
 */
import type { ObservedJob } from '../../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';
import { getCondition } from '../../shared/conditions.ts';
import { claimsOfStep } from '../../shared/jobs/volume-claims.ts';
import { byCreation, isAlive, millis, ofJob, wantsPods } from './pods.ts';
import { currentPosition } from './step-view.ts';
import type { Context, EventLookupResult, EventSubject } from './types.ts';

/** The Job controller could not create a Pod (kubernetes/pkg/controller/controller_utils.go). */
export const FAILED_CREATE = 'FailedCreate';
/**
 * The kubelet did not find an image pull secret and pulls without it (kubernetes/pkg/kubelet/kubelet_pods.go, 1.28).
 */
export const NO_PULL_SECRET = 'FailedToRetrieveImagePullSecret';
/** The kubelet pulls images after the Pod has its network and volumes (kubernetes/pkg/kubelet/events/event.go). */
export const PULLING: ReadonlySet<string> = new Set(['Pulling', 'Pulled']);

/** Why a scheduled Pod starts no container (kubernetes/pkg/kubelet/events, attachdetach and nodeports controllers). */
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

/**
 * Why a claim has no volume, the most telling first (kubernetes/pkg/controller/volume/events/event.go). A claim that only waits
 * for its first consumer is left out: the Pod is one.
 */
export const CANNOT_BIND = [
  'ProvisioningFailed',
  'FailedBinding',
  'VolumeMismatch',
  'ClaimLost',
  'ClaimMisbound',
  'ExternalProvisioning',
  'WaitForPodScheduled',
] as const;

/** The Event reasons that decisions use; all other Events are dropped. */
export const RELEVANT_EVENT_REASONS: ReadonlySet<string> = new Set([
  FAILED_CREATE,
  NO_PULL_SECRET,
  ...PULLING,
  ...CANNOT_PREPARE,
  ...CANNOT_BIND,
]);

/** Why a container's image cannot be pulled (kubernetes/pkg/kubelet/images/types.go). */
const CANNOT_PULL: ReadonlySet<string> = new Set(['ErrImagePull', 'ImagePullBackOff']);

/**
 * The scheduler waits for a claim (kubernetes/pkg/scheduler/framework/plugins/volumebinding): `pod has unbound immediate
 * PersistentVolumeClaims`, `didn't find available persistent volumes to bind`, or the binding of a volume timed out.
 */
const UNBOUND = /unbound immediate PersistentVolumeClaims|persistent volumes to bind|binding volumes/i;

/** An object without progress, and when to list its Events first. */
interface StuckObject {
  readonly subject: EventSubject;
  /** Unix milliseconds. */
  readonly fromMs: number;
}

/** The Job controller creates a Pod at once; why it cannot must be reported within 2 s. */
const JOB_LOOKUP_DELAY_MS = 2_000;
/** Volumes, network and images take their time. */
const POD_LOOKUP_DELAY_MS = 15_000;
/** Most claims get their volume at once; why one cannot is soon known. */
const CLAIM_LOOKUP_DELAY_MS = 5_000;

/**
 * The Job controller's back-off before it replaces a failed Pod (kubernetes/pkg/controller/job: 10 s, doubled, at most
 * 10 min).
 */
const POD_BACKOFF = { baseMs: 10_000, maxMs: 600_000 } as const;

/** Milliseconds between two requests: the delay grows with the time that the step has been stuck. */
const RECHECK = { minMs: { Job: 2_000, Pod: 5_000 }, maxMs: 30_000 } as const;

/**
 * The object whose Events can explain why this Job makes no progress; undefined if it progresses, or if the status of
 * its Pods explains it.
 */
function stuckObject(context: Context, job: ObservedJob): StuckObject | undefined {
  if (!wantsPods(job)) return undefined;
  const { pods = [], object } = context.snapshot;
  const own = ofJob(pods, job.metadata.uid).sort(byCreation);
  const stuck = own.findLast(({ obstacle }) => obstacle !== undefined);
  if (stuck?.obstacle !== undefined) {
    if (UNBOUND.test(stuck.obstacle.message)) return unboundClaims(stuck, context);
    const pullSecrets = object.spec.template?.spec?.imagePullSecrets ?? [];
    const isPullSecretSuspected = pullSecrets.length > 0 && CANNOT_PULL.has(stuck.obstacle.reason);
    return isPullSecretSuspected
      ? { subject: { ...subjectOf('Pod', stuck), isImagePull: true }, fromMs: 0 }
      : undefined;
  }
  const waiting = own.findLast(({ waitingSince }) => waitingSince !== undefined);
  if (waiting !== undefined) {
    return { subject: subjectOf('Pod', waiting), fromMs: millis(waiting.waitingSince) + POD_LOOKUP_DELAY_MS };
  }
  const { active = 0, terminating = 0 } = job.status;
  if (active + terminating > 0 || own.some(isAlive)) return undefined;
  const fromMs = Math.max(nextPodExpectedMs(own, job), unsuspendedMs(context)) + JOB_LOOKUP_DELAY_MS;
  return { subject: subjectOf('Job', job), fromMs };
}

/** The claims of the running step, for one of which this Pod waits. */
function unboundClaims(pod: ObservedPod, context: Context): StuckObject | undefined {
  const claims = claimsOfStep(context.snapshot.object, currentPosition(context));
  const fromMs = millis(pod.metadata.creationTimestamp) + CLAIM_LOOKUP_DELAY_MS;
  return claims.length === 0 ? undefined : { subject: { ...subjectOf('Pod', pod), claims }, fromMs };
}

/** When the Job controller should have created the next Pod, in Unix milliseconds. */
function nextPodExpectedMs(
  pods: readonly ObservedPod[],
  { metadata, status: { failed = 0, startTime } }: ObservedJob,
): number {
  const lastEnd = Math.max(0, ...pods.map(({ termination }) => millis(termination?.at)));
  const backoffMs = failed === 0 ? 0 : Math.min(POD_BACKOFF.maxMs, POD_BACKOFF.baseMs * 2 ** (failed - 1));
  return Math.max(millis(metadata.creationTimestamp), millis(startTime), lastEnd + backoffMs);
}

/** When the sequence was last unsuspended, in Unix milliseconds; now if that is not recorded yet; 0 if never. */
export function unsuspendedMs({ snapshot: { object }, nowMs }: Context): number {
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

/** A request for the Events about one object, and when it is due. */
export interface EventLookupRequest {
  readonly subject: EventSubject;
  /** Unix milliseconds. */
  readonly dueMs: number;
}

const isAbout = ({ uid, isImagePull, claims }: EventLookupResult, subject: EventSubject): boolean =>
  uid === subject.uid &&
  isImagePull === subject.isImagePull &&
  (claims === undefined) === (subject.claims === undefined);

/** The next request for Events about this Job or its Pod; undefined if Events would not explain more. */
export function nextEventLookup(context: Context, job: ObservedJob | undefined): EventLookupRequest | undefined {
  const { eventLookup } = context.snapshot;
  const stuck = job === undefined ? undefined : stuckObject(context, job);
  if (stuck === undefined) return undefined;
  const { subject, fromMs } = stuck;
  if (eventLookup === undefined || !isAbout(eventLookup, subject)) return { subject, dueMs: fromMs };
  if (eventLookup.retryMs !== undefined) return { subject, dueMs: eventLookup.retryMs };
  // One answer suffices: the kubelet emits the Event before the image pull fails.
  if (subject.isImagePull === true) return undefined;
  const wait = Math.round((eventLookup.requestedMs - fromMs) / 4);
  return {
    subject,
    dueMs: eventLookup.requestedMs + Math.min(RECHECK.maxMs, Math.max(RECHECK.minMs[subject.kind], wait)),
  };
}

/** Whether the last request for Events about this Job has not been answered. */
export function isEventLookupPending(context: Context, job: ObservedJob | undefined): boolean {
  const { eventLookup } = context.snapshot;
  const subject = nextEventLookup(context, job)?.subject;
  return eventLookup?.retryMs !== undefined && subject !== undefined && isAbout(eventLookup, subject);
}

/** How far the Pod watch may be behind the Job watch. */
const MAX_WATCH_LAG_MS = 5_000;

/**
 * When to check again a Job that counts an active Pod which the cache does not have, in Unix milliseconds; undefined if
 * the cache has it. The first watch event of a Pod triggers no reconcile.
 */
export function uncachedPodRecheckMs(
  { snapshot: { pods, podsForbidden }, nowMs }: Context,
  job: ObservedJob,
): number | undefined {
  // The Pods of an externally managed Job may be in another cluster.
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
  // A terminated Pod that the Job does not count as failed yet is the active one.
  const isCached = own.length > failed + succeeded || own.some((pod) => !hasEnded(pod));
  return isCached ? undefined : nowMs + MAX_WATCH_LAG_MS;
}
