/**
 * Reduces Pods and Events to what the controller keeps. Pure, and total on any input from a list or watch of core/v1,
 * including the last state in a DELETED event: missing or mistyped fields are dropped; nothing throws.
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
import { endObstacleIn, hasStarted, obstacleIn, waitingSince } from './pod-obstacle.ts';

/**
 * Labels with the UID of the Job, since 1.27 and before (batch/v1 JobControllerUid); every client that creates Pods can
 * set them.
 */
const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
const LEGACY_CONTROLLER_UID = 'controller-uid';
/** Kubernetes' UIDs have 36 characters. */
const MAX_UID_LENGTH = 128;

/** A Pod without spec and status: its Job, its obstacle and its termination. */
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
      neverStarted: hasStarted(pod) ? undefined : true,
      node: deletionTimestamp === undefined ? undefined : nonEmptyString(asObject<V1PodSpec>(pod.spec)?.nodeName),
      hasTerminated: deletionTimestamp !== undefined && hasFinished(pod) ? true : undefined,
      termination: ending?.termination,
    }),
  };
}

function hasFinished(pod: Untrusted<V1Pod>): boolean {
  const phase = nonEmptyString(asObject<V1PodStatus>(pod.status)?.phase);
  return phase === 'Succeeded' || phase === 'Failed';
}

/**
 * Whether a change of a Pod needs a reconcile: its obstacle, termination, owner or deletion has changed.
 * Pending→Running does not, nor the first sight of a Pod without an obstacle and a termination. The caller handles Pods that are deleted from the cache.
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

/** Reduces a core/v1 Event; the caller selects Events by their object. */
export function toObservedEvent(raw: unknown): ObservedEvent {
  const event = asObject<CoreV1Event>(raw) ?? {};
  const series = asObject<{ lastObservedTime: string }>(event.series);
  // The legacy API sets `lastTimestamp`; events.k8s.io sets `series`, or only `eventTime` for a first Event.
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
 * The Job of the Pod: its controller, as for Kubernetes. An orphaned Pod has lost its controller and keeps running;
 * only the Job controller's label is left, which every client can set.
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

/** The value of a label or owner reference may be as long as an object. */
const withinUidLength = (uid: string | undefined): string | undefined =>
  uid !== undefined && uid.length > MAX_UID_LENGTH ? undefined : uid;

/** Other API groups have a kind `Job`, too. */
const isJob = ({ kind, apiVersion }: Untrusted<V1OwnerReference>): boolean =>
  kind === 'Job' && nonEmptyString(apiVersion)?.startsWith('batch/') === true;

/** Keeps the Job that was seen to control the Pod: a Pod that has lost its controller since was orphaned. */
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
    a?.result === b?.result &&
    a?.at === b?.at &&
    a?.restarting === b?.restarting
  );
}
