/** Why a Pod cannot start or end, from its status. Pure, and total on any input from a watch. */
import type {
  V1ContainerState,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1ObjectMeta,
  V1Pod,
  V1PodCondition,
  V1PodSpec,
  V1PodStatus,
} from '@kubernetes/client-node';
import { truncate } from '../shared/truncate.ts';
import type { Obstacle } from '../shared/api/pod.ts';
import { REASON } from '../shared/api/reasons.ts';
import { asInteger, isPresent, asObject, asObjects, nonEmptyString, type Untrusted } from '../shared/json/untrusted.ts';

/**
 * Why the kubelet cannot start a container (kubernetes/pkg/kubelet: images/types.go,
 * kuberuntime/kuberuntime_container.go, container/sync_result.go; cri-api/pkg/errors). `PodInitializing` and
 * `ContainerCreating` are normal stages of each container. `CrashLoopBackOff` in a pending Pod is that of an init
 * container, which the step waits for.
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

/** Why the scheduler assigns no node (core/v1 `PodReason…`). */
const CANNOT_SCHEDULE: ReadonlySet<string> = new Set(['Unschedulable', 'SchedulingGated', 'SchedulerError']);

/**
 * The first container that cannot start, in start order; else why the Pod is not scheduled. Undefined for a Pod that
 * runs, has ended or is being deleted.
 */
export function obstacleIn(pod: Untrusted<V1Pod>): Obstacle | undefined {
  const status = asObject<V1PodStatus>(pod.status);
  const phase = nonEmptyString(status?.phase) ?? 'Pending';
  if (status === undefined || phase !== 'Pending') return undefined;
  const containers = [status.initContainerStatuses, status.containerStatuses].flatMap(asObjects<V1ContainerStatus>);
  for (const container of containers) {
    const waiting = asObject<{ reason: string; message: string }>(
      asObject<{ waiting: unknown }>(container.state)?.waiting,
    );
    const reason = nonEmptyString(waiting?.reason);
    if (reason === undefined || !CANNOT_START.has(reason)) continue;
    return { reason, message: truncate(nonBlank(waiting?.message) ?? cannotStart(pod, container)) };
  }
  return unscheduled(status);
}

/**
 * Why a Pod keeps running after the step's container has ended and is not restarted: injected containers. Undefined if there are
 * none, or if the kubelet restarts the step's container.
 */
export function endObstacleIn(pod: Untrusted<V1Pod>, step: string | undefined): Obstacle | undefined {
  const status = asObject<V1PodStatus>(pod.status);
  const containers = asObjects<V1ContainerStatus>(status?.containerStatuses);
  const ended = endOf(containers.find(({ name }) => name === step));
  if (step === undefined || ended === undefined || nonEmptyString(status?.phase) !== 'Running') return undefined;
  const exitCode = asInteger(ended.exitCode) ?? 0;
  const isRestarted = exitCode !== 0 && nonEmptyString(asObject<V1PodSpec>(pod.spec)?.restartPolicy) !== 'Never';
  const others = containers.filter((container) => container.name !== step && isRunning(container));
  if (isRestarted || others.length === 0) return undefined;
  const names = others.map(({ name }) => `"${nonEmptyString(name) ?? ''}"`).join(', ');
  const message = `the container "${step}" has ended (exit code ${exitCode}); the Pod runs on because of ${names}, which this sequence does not have`;
  return { reason: REASON.containerStillRunning, message: truncate(message), isAtEnd: true };
}

const stateOf = (container: Untrusted<V1ContainerStatus> | undefined): Untrusted<V1ContainerState> =>
  asObject<V1ContainerState>(container?.state) ?? {};

const endOf = (
  container: Untrusted<V1ContainerStatus> | undefined,
): Untrusted<V1ContainerStateTerminated> | undefined => asObject(stateOf(container).terminated);

const isRunning = (container: Untrusted<V1ContainerStatus>): boolean => isPresent(stateOf(container).running);

/** Whether a container of the Pod has started, or may have: only a pending Pod says that none has. */
export function hasStarted(pod: Untrusted<V1Pod>): boolean {
  const status = asObject<V1PodStatus>(pod.status);
  if ((nonEmptyString(status?.phase) ?? 'Pending') !== 'Pending') return true;
  return [status?.initContainerStatuses, status?.containerStatuses]
    .flatMap(asObjects<V1ContainerStatus>)
    .some((container) => isRunning(container) || endOf(container) !== undefined || hasRestarted(container));
}

/** Whether the container has run before: it waits to be restarted. */
const hasRestarted = ({ lastState, restartCount }: Untrusted<V1ContainerStatus>): boolean =>
  isPresent(asObject<V1ContainerState>(lastState)?.terminated) || (asInteger(restartCount) ?? 0) > 0;

/**
 * Since when a Pod waits for its first container for a reason that its status does not give (volumes, network or a slow
 * image pull); counted from scheduling, else from creation. RFC 3339; undefined if a container has started.
 */
export function waitingSince(pod: Untrusted<V1Pod>): string | undefined {
  const status = asObject<V1PodStatus>(pod.status);
  if (status === undefined || (nonEmptyString(status.phase) ?? 'Pending') !== 'Pending') return undefined;
  const all = [status.initContainerStatuses, status.containerStatuses].flatMap(asObjects<V1ContainerStatus>);
  if (all.some((container) => isRunning(container) || endOf(container) !== undefined)) return undefined;
  const scheduled = asObjects<V1PodCondition>(status.conditions).find(
    (condition) => condition.type === 'PodScheduled' && condition.status === 'True',
  );
  return (
    nonEmptyString(scheduled?.lastTransitionTime) ??
    nonEmptyString(asObject<V1ObjectMeta>(pod.metadata)?.creationTimestamp)
  );
}

function unscheduled(status: Untrusted<V1PodStatus>): Obstacle | undefined {
  for (const condition of asObjects<V1PodCondition>(status.conditions)) {
    if (condition.type !== 'PodScheduled' || condition.status !== 'False') continue;
    const reason = nonEmptyString(condition.reason);
    if (reason === undefined || !CANNOT_SCHEDULE.has(reason)) continue;
    return { reason, message: truncate(nonBlank(condition.message) ?? 'no node is available for the Pod') };
  }
  return undefined;
}

/** The message, unless it is blank. */
function nonBlank(message: unknown): string | undefined {
  return nonEmptyString(nonEmptyString(message)?.trim());
}

/** The message if the kubelet gives only a reason. */
function cannotStart(pod: Untrusted<V1Pod>, status: Untrusted<V1ContainerStatus>): string {
  const spec = asObject<V1PodSpec>(pod.spec);
  const containers = [spec?.initContainers, spec?.containers].flatMap(asObjects<{ name: string; image: string }>);
  const image =
    nonEmptyString(containers.find(({ name }) => name === status.name)?.image) ?? nonEmptyString(status.image);
  const name = nonEmptyString(status.name);
  return [
    name === undefined ? 'a container cannot start' : `the container "${name}" cannot start`,
    image === undefined ? '' : `, its image is "${image}"`,
  ].join('');
}
