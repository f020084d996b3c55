/** What keeps a Pod from starting, read off its status. Pure, and total on whatever a watch brings. */
import type { V1ContainerStatus, V1Pod, V1PodCondition, V1PodSpec, V1PodStatus } from '@kubernetes/client-node';
import { fitStepMessage } from '../shared/api/message.ts';
import type { Obstacle } from '../shared/api/pod.ts';
import { part, parts, text, type Untrusted } from '../shared/validation/untrusted.ts';

/**
 * Why the kubelet cannot start a container (kubernetes/pkg/kubelet: images/types.go, kuberuntime/kuberuntime_container.go,
 * container/sync_result.go; cri-api/pkg/errors). `PodInitializing` and `ContainerCreating` are the way that every
 * container goes. `CrashLoopBackOff` in a Pod that is pending is an init container's: the step waits for it.
 */
const CANNOT_START: ReadonlySet<string> = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'ImageInspectError',
  'InvalidImageName',
  'RegistryUnavailable',
  'SignatureValidationFailed',
  'ImageVolumeMountFailed',
  'CreateContainerConfigError',
  'PreCreateHookError',
  'CreateContainerError',
  'PreStartHookError',
  'PostStartHookError',
  'RunContainerError',
  'CrashLoopBackOff',
]);

/** Why the scheduler leaves a Pod without a node (core/v1 `PodReason…`). */
const CANNOT_SCHEDULE: ReadonlySet<string> = new Set(['Unschedulable', 'SchedulingGated', 'SchedulerError']);

/**
 * The first of a Pod's containers that cannot start, in the order in which they start; else why no node takes it.
 * Undefined for a Pod that runs, has ended or is being deleted: nothing keeps it any longer.
 */
export function obstacleIn(pod: Untrusted<V1Pod>): Obstacle | undefined {
  const status = part<V1PodStatus>(pod.status);
  const phase = text(status?.phase) ?? 'Pending';
  if (status === undefined || phase !== 'Pending') return undefined;
  const containers = [status.initContainerStatuses, status.containerStatuses].flatMap(parts<V1ContainerStatus>);
  for (const container of containers) {
    const waiting = part<{ reason: string; message: string }>(part<{ waiting: unknown }>(container.state)?.waiting);
    const reason = text(waiting?.reason);
    if (reason === undefined || !CANNOT_START.has(reason)) continue;
    return { reason, message: fitStepMessage(words(waiting?.message) ?? cannotStart(pod, container)) };
  }
  return unscheduled(status);
}

function unscheduled(status: Untrusted<V1PodStatus>): Obstacle | undefined {
  for (const condition of parts<V1PodCondition>(status.conditions)) {
    if (condition.type !== 'PodScheduled' || condition.status !== 'False') continue;
    const reason = text(condition.reason);
    if (reason === undefined || !CANNOT_SCHEDULE.has(reason)) continue;
    return { reason, message: fitStepMessage(words(condition.message) ?? 'no node takes the Pod') };
  }
  return undefined;
}

/** The message, if it says anything. */
function words(message: unknown): string | undefined {
  return text(text(message)?.trim());
}

/** For a kubelet that gives a reason without a message. */
function cannotStart(pod: Untrusted<V1Pod>, status: Untrusted<V1ContainerStatus>): string {
  const spec = part<V1PodSpec>(pod.spec);
  const containers = [spec?.initContainers, spec?.containers].flatMap(parts<{ name: string; image: string }>);
  const image = text(containers.find(({ name }) => name === status.name)?.image) ?? text(status.image);
  const name = text(status.name);
  return [
    name === undefined ? 'a container cannot start' : `the container "${name}" cannot start`,
    image === undefined ? '' : `, its image is "${image}"`,
  ].join('');
}
