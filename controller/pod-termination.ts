/**
 * How a Pod ended: the container that decided it, its exit code and its message. Pure, and total on any input from a
 * watch. Sidecars do not count: the kubelet stops them after the other containers have ended, with any exit code.
 */
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
import { limitBytes, truncateMiddle } from '../shared/truncate.ts';
import { printable, printableLine } from '../shared/printable-text.ts';
import { MAX_RESULT_BYTES } from '../shared/api/group.ts';
import type { PodTermination } from '../shared/api/pod.ts';
import { asInteger, isPresent, asObject, asObjects, nonEmptyString, type Untrusted } from '../shared/json/untrusted.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';

export interface Ending {
  readonly failed: boolean;
  readonly termination: PodTermination;
}

const COMPLETED: PodTermination = { reason: 'Completed', message: '' };

type Status = Untrusted<V1PodStatus>;
type ContainerStatus = Untrusted<V1ContainerStatus>;
type Terminated = Untrusted<V1ContainerStateTerminated>;

/** Exit codes of SIGKILL and SIGTERM. */
const KILLED: ReadonlySet<number | undefined> = new Set([137, 143]);
/** The kubelet's reasons for a container that it killed or lost; `OOMKilled` is a cause of its own. */
const KILLED_REASONS: ReadonlySet<string> = new Set(['Error', 'ContainerStatusUnknown']);

/**
 * How the Pod ended, or how it last failed if its containers are restarted; undefined while nothing has failed. The
 * cause of the Pod's end (node-pressure eviction, drain, preemption) precedes the container that it killed.
 */
export function endingOf(pod: Untrusted<V1Pod>, step: string | undefined): Ending | undefined {
  const status = asObject<V1PodStatus>(pod.status);
  if (status === undefined) return undefined;
  if (status.phase === 'Succeeded') return succeeded(status, step);
  const container = failedContainer(pod, status, step);
  const isCause = container !== undefined && container.exitCode !== 0 && !isKilled(container);
  const termination = isCause ? container : (terminationOfPod(status, container) ?? container);
  return termination === undefined ? undefined : { failed: true, termination };
}

function succeeded(status: Status, step: string | undefined): Ending {
  const container = stepFirst(status, step).at(0);
  const ended = container === undefined ? undefined : terminated(container.state);
  // A kubelet may omit the container statuses: the phase alone shows that the Pod has ended.
  if (container === undefined || ended === undefined) return { failed: false, termination: COMPLETED };
  const termination = describe(container, ended, COMPLETED.reason);
  const result = container.name === step && termination.exitCode === 0 ? resultIn(ended.message) : undefined;
  // The status shows the message without its line end, the result keeps it.
  return { failed: false, termination: { ...termination, ...omitUndefined({ result }) } };
}

/** The whole termination message: only a kubelet that breaks its own limit reports more. */
function resultIn(message: unknown): string | undefined {
  const given = nonEmptyString(message);
  return given === undefined ? undefined : nonEmptyString(limitBytes(printable(given), MAX_RESULT_BYTES));
}

/** Init containers first, because the others have not started. A current failure precedes an earlier one. */
function failedContainer(pod: Untrusted<V1Pod>, status: Status, step: string | undefined): PodTermination | undefined {
  const sidecars = sidecarNames(pod);
  const inits = asObjects<V1ContainerStatus>(status.initContainerStatuses).filter(({ name }) => !sidecars.has(name));
  const containers = stepFirst(status, step);
  const isTerminating = isPresent(asObject<V1ObjectMeta>(pod.metadata)?.deletionTimestamp);
  const failure =
    firstOf(inits, lastFailure) ??
    completedButKeptRunning(containers, step) ??
    (isTerminating ? firstOf(containers, failedBeforeKill) : undefined) ??
    firstOf(containers, failedNow) ??
    firstOf(containers, lastFailure);
  if (failure?.restarting === undefined || status.phase !== 'Failed') return failure;
  // The Pod has ended: the container is not restarted.
  const { restarting: _, ...last } = failure;
  return last;
}

function failedNow(container: ContainerStatus): PodTermination | undefined {
  const ended = terminated(container.state);
  return ended !== undefined && isFailure(ended) ? describe(container, ended, 'Error') : undefined;
}

/**
 * The previous failure of a container whose current run was only killed by the deletion of the Pod. The Job controller
 * ends a Job with restarting containers in this way, and the kill explains nothing.
 */
function failedBeforeKill(container: ContainerStatus): PodTermination | undefined {
  const now = failedNow(container);
  const before = terminated(container.lastState);
  if (now === undefined || !isKilled(now) || before === undefined || !isFailure(before)) return undefined;
  return { ...describe(container, before, 'Error'), restarting: true };
}

/**
 * The success of the step's container if injected containers keep the Pod running, or did so until they were killed.
 * It counts before the deletion of the Pod, because the Pod may be gone by the next observation.
 */
function completedButKeptRunning(
  containers: readonly ContainerStatus[],
  step: string | undefined,
): PodTermination | undefined {
  const [own, ...others] = containers;
  const ended = own?.name === step ? terminated(own?.state) : undefined;
  const failures = others.flatMap((container) => failedNow(container) ?? []);
  const isKeptRunning = others.some(({ state }) => terminated(state) === undefined);
  const isOnlyKilled = (failures.length > 0 || isKeptRunning) && failures.every(isKilled);
  if (own === undefined || ended === undefined || isFailure(ended) || !isOnlyKilled) return undefined;
  return describe(own, ended, COMPLETED.reason);
}

/** The current failure or, if the container has not ended again since, the previous one. */
function lastFailure(container: ContainerStatus): PodTermination | undefined {
  if (terminated(container.state) !== undefined) return failedNow(container);
  const ended = terminated(container.lastState);
  if (ended === undefined || !isFailure(ended)) return undefined;
  return { ...describe(container, ended, 'Error'), restarting: true };
}

function isFailure({ exitCode }: Terminated): boolean {
  return (asInteger(exitCode) ?? 0) !== 0;
}

function isKilled({ exitCode, reason }: PodTermination): boolean {
  return KILLED.has(exitCode) && KILLED_REASONS.has(reason);
}

/**
 * The cause of the whole Pod's end: the kubelet's reason (`Evicted`, `DeadlineExceeded`, `NodeLost`, …), else the
 * DisruptionTarget condition (1.25 and newer). That condition is set before the Pod ends; its time counts.
 */
function terminationOfPod(status: Status, killed: PodTermination | undefined): PodTermination | undefined {
  const isFailed = status.phase === 'Failed';
  const disruption = asObjects<V1PodCondition>(status.conditions).find(
    (condition) => condition.type === 'DisruptionTarget' && condition.status === 'True',
  );
  const at = nonEmptyString(disruption?.lastTransitionTime) ?? killed?.at;
  const own = isFailed ? printableText(status.reason) : undefined;
  if (own !== undefined) return { reason: own, message: truncateMessage(status.message), ...omitUndefined({ at }) };
  const isKilledNow = killed !== undefined && killed.restarting === undefined;
  if (disruption !== undefined && (isFailed || isKilledNow)) {
    const reason = printableText(disruption.reason) ?? 'DisruptionTarget';
    return { reason, message: truncateMessage(disruption.message), ...omitUndefined({ at }) };
  }
  return isFailed && killed === undefined ? { reason: 'Failed', message: truncateMessage(status.message) } : undefined;
}

function describe(container: ContainerStatus, ended: Terminated, reason: string): PodTermination {
  return {
    ...omitUndefined({
      container: printableText(container.name),
      exitCode: asInteger(ended.exitCode),
      at: nonEmptyString(ended.finishedAt),
    }),
    reason: printableText(ended.reason) ?? reason,
    message: truncateMessage(ended.message),
  };
}

/** A reason or name as one printable line. */
function printableText(value: unknown): string | undefined {
  const given = nonEmptyString(value);
  return given === undefined ? undefined : nonEmptyString(printableLine(given));
}

/** The kubelet keeps up to 4 KiB (`MaxContainerTerminationMessageLength`), of a log the last 2 KiB. */
function truncateMessage(message: unknown): string {
  return truncateMiddle((nonEmptyString(message) ?? '').trimEnd());
}

/** The step's container first: an admission webhook may have injected others before it. */
function stepFirst(status: Status, step: string | undefined): readonly ContainerStatus[] {
  const containers = asObjects<V1ContainerStatus>(status.containerStatuses);
  const own = containers.filter(({ name }) => name === step);
  return [...own, ...containers.filter(({ name }) => name !== step)];
}

/** Init containers with `restartPolicy: Always` (KEP-753). */
function sidecarNames(pod: Untrusted<V1Pod>): ReadonlySet<unknown> {
  const inits = asObjects<{ name: string; restartPolicy: string }>(asObject<V1PodSpec>(pod.spec)?.initContainers);
  return new Set(inits.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name));
}

function terminated(state: unknown): Terminated | undefined {
  return asObject<V1ContainerStateTerminated>(asObject<V1ContainerState>(state)?.terminated);
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
