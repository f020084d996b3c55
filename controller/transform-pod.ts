/**
 * What the controller keeps of Pods and of Events. Pure, and total on whatever a list or a watch of
 * core/v1 brings, a deletion's last state included: what is missing or of the wrong type is left out, nothing throws.
 */
import type {
  CoreV1Event,
  V1ObjectMeta,
  V1OwnerReference,
  V1Pod,
  V1PodSpec,
  V1PodStatus,
} from '@kubernetes/client-node';
import { LABELS } from '../shared/api/group.ts';
import { truncate } from '../shared/truncate.ts';
import type { Obstacle, ObservedPod, PodTermination, ObservedEvent } from '../shared/api/pod.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../shared/json/untrusted.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import { endingOf } from './pod-termination.ts';
import { endObstacleIn, obstacleIn, waitingSince } from './pod-obstacle.ts';

/** The UID of the Job, from 1.27 on and before (batch/v1 JobControllerUid): whoever creates a Pod can write it. */
const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
const LEGACY_CONTROLLER_UID = 'controller-uid';
/** Real ones have 36 characters. */
const MAX_UID_LENGTH = 128;

/** A Pod without its spec and its status: whose it is, and what there is to tell of it. */
export function toObservedPod(raw: unknown): ObservedPod {
  const pod = asObject<V1Pod>(raw) ?? {};
  const metadata = asObject<V1ObjectMeta>(pod.metadata) ?? {};
  const labels = asObject<Record<string, string>>(metadata.labels);
  const deletionTimestamp = nonEmptyString(metadata.deletionTimestamp);
  const step = nonEmptyString(labels?.[LABELS.stepName]);
  const ending = endingOf(pod, step);
  const obstacle = deletionTimestamp === undefined ? (obstacleIn(pod) ?? endObstacleIn(pod, step)) : undefined;
  return {
    metadata: {
      ...identity(metadata),
      ...omitUndefined({ creationTimestamp: nonEmptyString(metadata.creationTimestamp), deletionTimestamp }),
    },
    failed: ending?.failed ?? false,
    ...omitUndefined({
      sequentialJob: nonEmptyString(labels?.[LABELS.name]),
      ...jobOf(metadata),
      obstacle,
      waitingSince: deletionTimestamp === undefined && obstacle === undefined ? waitingSince(pod) : undefined,
      node: deletionTimestamp === undefined ? undefined : nonEmptyString(asObject<V1PodSpec>(pod.spec)?.nodeName),
      hasTerminated: deletionTimestamp !== undefined && isOver(pod) ? true : undefined,
      termination: ending?.termination,
    }),
  };
}

function isOver(pod: Untrusted<V1Pod>): boolean {
  const phase = nonEmptyString(asObject<V1PodStatus>(pod.status)?.phase);
  return phase === 'Succeeded' || phase === 'Failed';
}

/**
 * Whether a state of a Pod tells something that the one before did not: an obstacle come, changed or gone, an end,
 * another owner, a deletion. A Pod's way from pending to running does not, nor does its first sight. A Pod that is gone
 * from the cache is for the caller to judge.
 */
export function isRelevantChange(before: ObservedPod | undefined, after: ObservedPod): boolean {
  if (before === undefined) return after.obstacle !== undefined || after.termination !== undefined;
  return (
    before.failed !== after.failed ||
    before.jobUID !== after.jobUID ||
    before.labelJobUID !== after.labelJobUID ||
    before.sequentialJob !== after.sequentialJob ||
    (before.metadata.deletionTimestamp === undefined) !== (after.metadata.deletionTimestamp === undefined) ||
    !isSameObstacle(before.obstacle, after.obstacle) ||
    !isSameTermination(before.termination, after.termination)
  );
}

/** A core/v1 Event. What it is about is for the caller to select. */
export function toObservedEvent(raw: unknown): ObservedEvent {
  const event = asObject<CoreV1Event>(raw) ?? {};
  const series = asObject<{ lastObservedTime: string }>(event.series);
  // The legacy API counts in `lastTimestamp`, events.k8s.io in the series; a first event of that has its time only.
  const lastSeen =
    nonEmptyString(series?.lastObservedTime) ?? nonEmptyString(event.lastTimestamp) ?? nonEmptyString(event.eventTime);
  return {
    reason: nonEmptyString(event.reason) ?? '',
    message: truncate((nonEmptyString(event.message) ?? '').trim()),
    ...omitUndefined({ lastSeen }),
  };
}

function identity({ name, namespace, uid, resourceVersion }: Untrusted<V1ObjectMeta>): ObservedPod['metadata'] {
  return {
    name: nonEmptyString(name) ?? '',
    namespace: nonEmptyString(namespace) ?? '',
    uid: nonEmptyString(uid) ?? '',
    resourceVersion: nonEmptyString(resourceVersion) ?? '',
  };
}

/**
 * Whose Pod it is. Its controller tells, as it does to Kubernetes. A Pod that was orphaned has lost it, and runs on: of that only
 * the label is left that the Job controller gave it, and that anybody could have written.
 */
function jobOf(metadata: Untrusted<V1ObjectMeta>): Pick<Partial<ObservedPod>, 'jobUID' | 'labelJobUID'> {
  const controller = asObjects<V1OwnerReference>(metadata.ownerReferences).find(
    ({ controller }) => controller === true,
  );
  if (controller !== undefined)
    return isJob(controller) ? omitUndefined({ jobUID: withinUidLength(nonEmptyString(controller.uid)) }) : {};
  const labels = asObject<Record<string, string>>(metadata.labels);
  return omitUndefined({
    labelJobUID: withinUidLength(
      nonEmptyString(labels?.[CONTROLLER_UID]) ?? nonEmptyString(labels?.[LEGACY_CONTROLLER_UID]),
    ),
  });
}

/** What whoever creates a Pod writes there may be as long as an object can be. */
const withinUidLength = (uid: string | undefined): string | undefined =>
  uid !== undefined && uid.length > MAX_UID_LENGTH ? undefined : uid;

/** Other groups have a kind `Job` too. */
const isJob = ({ kind, apiVersion }: Untrusted<V1OwnerReference>): boolean =>
  kind === 'Job' && nonEmptyString(apiVersion)?.startsWith('batch/') === true;

/** The Pod with the Job that was seen to control it: one that has lost its controller since was orphaned. */
export function withSeenOwner(pod: ObservedPod, before: ObservedPod | undefined): ObservedPod {
  const { labelJobUID, ...rest } = pod;
  const isSame = before?.metadata.uid === pod.metadata.uid;
  if (labelJobUID === undefined || !isSame || before.jobUID !== labelJobUID) return pod;
  return { ...rest, jobUID: labelJobUID };
}

function isSameObstacle(a: Obstacle | undefined, b: Obstacle | undefined): boolean {
  return a?.reason === b?.reason && a?.message === b?.message;
}

function isSameTermination(a: PodTermination | undefined, b: PodTermination | undefined): boolean {
  return (
    a?.container === b?.container &&
    a?.exitCode === b?.exitCode &&
    a?.reason === b?.reason &&
    a?.message === b?.message &&
    a?.at === b?.at &&
    a?.restarting === b?.restarting
  );
}
