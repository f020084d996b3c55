/** Computes a Pod's status from the states of its containers: pure. */
import { toTimestamp } from '../../shared/api/time.ts';
import { POD_IP } from './downward.ts';
import type { ContainerStatus, Pod, PodCondition, PodStatus } from './objects.ts';

export interface Terminated {
  readonly kind: 'terminated';
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** Times are Unix milliseconds. */
export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAt: number }
  | Terminated;

export interface ContainerRecord {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  /** The result of the previous run. */
  readonly last?: Terminated;
  readonly restarts: number;
}

export interface PodFailure {
  readonly reason: string;
  readonly message: string;
}

export interface PodStatusInput {
  readonly pod: Pod;
  readonly init: readonly ContainerRecord[];
  readonly main: readonly ContainerRecord[];
  readonly startTime: number;
  /** Set if the Pod as a whole has failed (deadline, lost node), regardless of its containers. */
  readonly failure?: PodFailure;
  /** True once the node has stopped the Pod's containers; then the Pod is Failed unless all have succeeded. */
  readonly stopped: boolean;
  readonly now: number;
}

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

const succeeded = (record: ContainerRecord): boolean =>
  record.state.kind === 'terminated' && record.state.exitCode === 0;
const terminated = (record: ContainerRecord): boolean => record.state.kind === 'terminated';
const neverStarted = (record: ContainerRecord): boolean => record.state.kind === 'waiting' && record.last === undefined;

export type PodPhaseInput = Pick<PodStatusInput, 'pod' | 'init' | 'main' | 'failure' | 'stopped'>;

/** The phase, computed from the restart policy and the containers as the kubelet does. */
export function podPhase(facts: PodPhaseInput): PodPhase {
  if (facts.failure !== undefined) return 'Failed';
  const phase = containersPhase(facts);
  return facts.stopped && phase !== 'Succeeded' ? 'Failed' : phase;
}

function containersPhase(facts: PodPhaseInput): PodPhase {
  const policy = facts.pod.spec.restartPolicy ?? 'Always';
  if (!facts.init.every(succeeded)) {
    const failed = facts.init.some((record) => terminated(record) && !succeeded(record));
    return failed && policy === 'Never' ? 'Failed' : 'Pending';
  }
  if (facts.main.some(neverStarted)) return 'Pending';
  if (!facts.main.every(terminated) || policy === 'Always') return 'Running';
  if (facts.main.every(succeeded)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

function stateOf(state: ContainerState): NonNullable<ContainerStatus['state']> {
  switch (state.kind) {
    case 'waiting': {
      const { reason, message } = state;
      return { waiting: { reason, ...(message === undefined ? {} : { message }) } };
    }
    case 'running':
      return { running: { startedAt: toTimestamp(state.startedAt) } };
    case 'terminated': {
      const { exitCode, reason, message, startedAt, finishedAt } = state;
      return {
        terminated: {
          exitCode,
          reason,
          ...(message === undefined ? {} : { message }),
          startedAt: toTimestamp(startedAt),
          finishedAt: toTimestamp(finishedAt),
        },
      };
    }
  }
}

function containerStatus(record: ContainerRecord, ready: boolean): ContainerStatus {
  return {
    name: record.name,
    image: record.image,
    imageID: '',
    restartCount: record.restarts,
    ready,
    started: record.state.kind === 'running',
    state: stateOf(record.state),
    ...(record.last === undefined ? {} : { lastState: stateOf(record.last) }),
  };
}

interface ConditionInput {
  readonly type: string;
  readonly isTrue: boolean;
  /** Written only if the condition is False. */
  readonly reason?: string;
  readonly message?: string;
}

function conditions(facts: PodStatusInput, phase: PodPhase): readonly PodCondition[] {
  const unready = facts.main.filter((record) => record.state.kind !== 'running').map((record) => record.name);
  const ready = unready.length === 0 && phase === 'Running';
  const reason = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : 'ContainersNotReady';
  const message = phase === 'Succeeded' ? undefined : `containers with unready status: [${unready.join(' ')}]`;
  const why = { reason, ...(message === undefined ? {} : { message }) };
  const inputs: readonly ConditionInput[] = [
    { type: 'Initialized', isTrue: facts.init.every(succeeded), reason: 'ContainersNotInitialized' },
    { type: 'Ready', isTrue: ready, ...why },
    { type: 'ContainersReady', isTrue: ready, ...why },
    { type: 'PodScheduled', isTrue: true },
  ];
  return inputs.map((truth) => condition(truth, facts));
}

/** A condition. Its lastTransitionTime changes only with its status. */
function condition(truth: ConditionInput, facts: PodStatusInput): PodCondition {
  const status = truth.isTrue ? 'True' : 'False';
  const before = facts.pod.status?.conditions?.find((known) => known.type === truth.type);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return {
    type: truth.type,
    status,
    lastTransitionTime: since ?? toTimestamp(facts.now),
    ...(truth.isTrue || truth.reason === undefined ? {} : { reason: truth.reason }),
    ...(truth.isTrue || truth.message === undefined ? {} : { message: truth.message }),
  };
}

/** The whole status. A running container counts as ready, because the node runs no probes. */
export function podStatus(facts: PodStatusInput): PodStatus {
  const phase = podPhase(facts);
  const init = facts.init.map((record) => containerStatus(record, succeeded(record)));
  return {
    phase,
    ...facts.failure,
    conditions: conditions(facts, phase),
    hostIP: POD_IP,
    podIP: POD_IP,
    podIPs: [{ ip: POD_IP }],
    startTime: toTimestamp(facts.startTime),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: facts.main.map((record) => containerStatus(record, record.state.kind === 'running')),
  };
}
