/**
 * How a Pod ended: which of its containers decided that, and what it left behind. Pure, and total on whatever a watch
 * brings. Only containers that are to end count: a sidecar is stopped when the work is done, whatever it exits with.
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
import { truncateMiddle } from '../shared/truncate.ts';
import { printableLine } from '../shared/printable-text.ts';
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

/** SIGKILL and SIGTERM, as a shell and the kubelet count them. */
const KILLED: ReadonlySet<number | undefined> = new Set([137, 143]);
/** What the kubelet says of a container that it killed, or lost; not `OOMKilled`, which is a cause of its own. */
const KILLED_REASONS: ReadonlySet<string> = new Set(['Error', 'ContainerStatusUnknown']);

/**
 * How the Pod ended, or how it last failed where its containers are restarted; undefined as long as all goes well.
 * What ended the Pod as a whole (an eviction, a preemption) counts before the death of a container by it.
 */
export function endingOf(pod: Untrusted<V1Pod>, step: string | undefined): Ending | undefined {
  const status = asObject<V1PodStatus>(pod.status);
  if (status === undefined) return undefined;
  if (status.phase === 'Succeeded') return succeeded(status, step);
  const container = failedContainer(pod, status, step);
  const isCause = container !== undefined && container.exitCode !== 0 && !isKilled(container);
  const termination = isCause ? container : (endOfWhole(status, container) ?? container);
  return termination === undefined ? undefined : { failed: true, termination };
}

function succeeded(status: Status, step: string | undefined): Ending {
  const container = stepFirst(status, step).at(0);
  const ended = container === undefined ? undefined : terminated(container.state);
  // A kubelet may leave the containers out: that the Pod is over is told by its phase.
  if (container === undefined || ended === undefined) return { failed: false, termination: COMPLETED };
  return { failed: false, termination: describe(container, ended, COMPLETED.reason) };
}

/** An init container before all others: none of them started. What failed now counts before what failed last time. */
function failedContainer(pod: Untrusted<V1Pod>, status: Status, step: string | undefined): PodTermination | undefined {
  const sidecars = sidecarNames(pod);
  const inits = asObjects<V1ContainerStatus>(status.initContainerStatuses).filter(({ name }) => !sidecars.has(name));
  const mains = stepFirst(status, step);
  const isGoing = isPresent(asObject<V1ObjectMeta>(pod.metadata)?.deletionTimestamp);
  const failure =
    firstOf(inits, failedAtAll) ??
    completedBeforeKill(mains, step, isGoing) ??
    (isGoing ? firstOf(mains, failedBeforeKill) : undefined) ??
    firstOf(mains, failedNow) ??
    firstOf(mains, failedAtAll);
  if (failure?.restarting === undefined || status.phase !== 'Failed') return failure;
  // It would have been run again, had the Pod not come to its end.
  const { restarting: _, ...last } = failure;
  return last;
}

function failedNow(container: ContainerStatus): PodTermination | undefined {
  const ended = terminated(container.state);
  return ended !== undefined && isFailure(ended) ? describe(container, ended, 'Error') : undefined;
}

/**
 * The last failure of a container whose present run was only killed, because its Pod is being deleted: that is how the Job
 * controller ends a Job whose Pod restarts its containers, and the kill explains nothing.
 */
function failedBeforeKill(container: ContainerStatus): PodTermination | undefined {
  const now = failedNow(container);
  const before = terminated(container.lastState);
  if (now === undefined || !isKilled(now) || before === undefined || !isFailure(before)) return undefined;
  return { ...describe(container, before, 'Error'), restarting: true };
}

/**
 * The success of the step's container where others, which the step does not have, kept the Pod running until it was ended:
 * they are being killed, or were.
 */
function completedBeforeKill(
  mains: readonly ContainerStatus[],
  step: string | undefined,
  isGoing: boolean,
): PodTermination | undefined {
  const [own, ...others] = mains;
  const ended = own?.name === step ? terminated(own?.state) : undefined;
  const failures = others.flatMap((container) => failedNow(container) ?? []);
  const isKept = isGoing && others.some(({ state }) => terminated(state) === undefined);
  const isOnlyKilled = (failures.length > 0 || isKept) && failures.every(isKilled);
  if (own === undefined || ended === undefined || isFailure(ended) || !isOnlyKilled) return undefined;
  return describe(own, ended, COMPLETED.reason);
}

/** Now, or the last time, where it has not succeeded since. */
function failedAtAll(container: ContainerStatus): PodTermination | undefined {
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
 * The end of the Pod as a whole, in the kubelet's words (`Evicted`, `DeadlineExceeded`, `NodeLost`, …), else in those of
 * the condition that a disruption leaves (1.25 and newer). That condition comes before the end: it counts from then on.
 */
function endOfWhole(status: Status, killed: PodTermination | undefined): PodTermination | undefined {
  const isFailed = status.phase === 'Failed';
  const disruption = asObjects<V1PodCondition>(status.conditions).find(
    (condition) => condition.type === 'DisruptionTarget' && condition.status === 'True',
  );
  const at = nonEmptyString(disruption?.lastTransitionTime) ?? killed?.at;
  const own = isFailed ? word(status.reason) : undefined;
  if (own !== undefined) return { reason: own, message: fit(status.message), ...omitUndefined({ at }) };
  const isKilledNow = killed !== undefined && killed.restarting === undefined;
  if (disruption !== undefined && (isFailed || isKilledNow)) {
    const reason = word(disruption.reason) ?? 'DisruptionTarget';
    return { reason, message: fit(disruption.message), ...omitUndefined({ at }) };
  }
  return isFailed && killed === undefined ? { reason: 'Failed', message: fit(status.message) } : undefined;
}

function describe(container: ContainerStatus, ended: Terminated, reason: string): PodTermination {
  return {
    ...omitUndefined({
      container: word(container.name),
      exitCode: asInteger(ended.exitCode),
      at: nonEmptyString(ended.finishedAt),
    }),
    reason: word(ended.reason) ?? reason,
    message: fit(ended.message),
  };
}

/** A reason, or a name. */
function word(value: unknown): string | undefined {
  const given = nonEmptyString(value);
  return given === undefined ? undefined : nonEmptyString(printableLine(given));
}

/** A kubelet leaves up to 4 KiB (`MaxContainerTerminationMessageLength`), of a log its last 2 KiB. */
function fit(message: unknown): string {
  return truncateMiddle((nonEmptyString(message) ?? '').trimEnd());
}

/** Others may stand before the step's own container where a webhook of the cluster adds some. */
function stepFirst(status: Status, step: string | undefined): readonly ContainerStatus[] {
  const containers = asObjects<V1ContainerStatus>(status.containerStatuses);
  const own = containers.filter(({ name }) => name === step);
  return [...own, ...containers.filter(({ name }) => name !== step)];
}

/** Init containers that run beside the others (KEP-753). */
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
