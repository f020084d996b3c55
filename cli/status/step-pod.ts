/**
 * The part of a Pod that people see: when its step's container ran. Pure, and total on any input from a list or watch:
 * what is missing or mistyped is left out.
 */
import type {
  V1ContainerState,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1ObjectMeta,
  V1OwnerReference,
  V1Pod,
  V1PodStatus,
} from '@kubernetes/client-node';
import { LABELS } from '../../shared/api/group.ts';
import { asInteger, asObject, asObjects, nonEmptyString, type Untrusted } from '../../shared/json/untrusted.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';

/** One run of the container; times are Unix milliseconds. */
export interface ContainerRun {
  readonly from: number;
  /** Absent while it runs. */
  readonly to?: number;
  readonly exitCode?: number;
}

export interface StepPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  /** Unix milliseconds; 0 if unknown. */
  readonly createdAt: number;
  /** The UID of the SequentialJob, from the label. */
  readonly sequenceUID?: string;
  /** The UID of the Job that controls the Pod. */
  readonly jobUID?: string;
  /** The field that lists the step, and the index in it, from the labels. */
  readonly list: 'steps' | 'finally';
  readonly index: number;
  /** The name of the step, which is that of its container. */
  readonly step: string;
  /** The runs that the Pod's status tells of, oldest first: the last one, and the one before. */
  readonly runs: readonly ContainerRun[];
  readonly state: 'waiting' | 'running' | 'ended';
}

/** Undefined if the Pod is of no step. */
export function toStepPod(raw: unknown): StepPod | undefined {
  const pod = asObject<V1Pod>(raw) ?? {};
  const metadata = asObject<V1ObjectMeta>(pod.metadata) ?? {};
  const labels = asObject<Record<string, string>>(metadata.labels) ?? {};
  const step = nonEmptyString(labels[LABELS.stepName]);
  const place = placeOf(labels);
  if (step === undefined || place === undefined) return undefined;
  const status = asObject<V1PodStatus>(pod.status) ?? {};
  const container = asObjects<V1ContainerStatus>(status.containerStatuses).find(({ name }) => name === step) ?? {};
  return {
    metadata: {
      name: nonEmptyString(metadata.name) ?? '',
      namespace: nonEmptyString(metadata.namespace) ?? '',
      uid: nonEmptyString(metadata.uid) ?? '',
      resourceVersion: nonEmptyString(metadata.resourceVersion) ?? '',
    },
    createdAt: millis(metadata.creationTimestamp) ?? 0,
    ...omitUndefined({ sequenceUID: nonEmptyString(labels[LABELS.uid]), jobUID: jobUIDOf(metadata) }),
    ...place,
    step,
    runs: [container.lastState, container.state].flatMap(runOf),
    state: stateOf(status, asObject<V1ContainerState>(container.state) ?? {}),
  };
}

function placeOf(labels: Readonly<Record<string, unknown>>): Pick<StepPod, 'list' | 'index'> | undefined {
  const last = indexOf(labels[LABELS.finallyIndex]);
  if (last !== undefined) return { list: 'finally', index: last };
  const index = indexOf(labels[LABELS.stepIndex]);
  return index === undefined ? undefined : { list: 'steps', index };
}

const indexOf = (label: unknown): number | undefined =>
  typeof label === 'string' && /^\d{1,4}$/.test(label) ? Number(label) : undefined;

function jobUIDOf(metadata: Untrusted<V1ObjectMeta>): string | undefined {
  const owners = asObjects<V1OwnerReference>(metadata.ownerReferences);
  return nonEmptyString(owners.find(({ controller, kind }) => controller === true && kind === 'Job')?.uid);
}

function stateOf({ phase }: Untrusted<V1PodStatus>, state: Untrusted<V1ContainerState>): StepPod['state'] {
  if (phase === 'Succeeded' || phase === 'Failed') return 'ended';
  if (asObject(state.running) !== undefined) return 'running';
  return asObject(state.terminated) === undefined ? 'waiting' : 'ended';
}

function runOf(state: unknown): readonly ContainerRun[] {
  const { running, terminated } = asObject<V1ContainerState>(state) ?? {};
  const ended = asObject<V1ContainerStateTerminated>(terminated);
  const from = millis(asObject<V1ContainerStateTerminated>(ended ?? running)?.startedAt);
  if (from === undefined) return [];
  if (ended === undefined) return [{ from }];
  return [{ from, to: millis(ended.finishedAt) ?? from, ...omitUndefined({ exitCode: asInteger(ended.exitCode) }) }];
}

/** The time of an RFC 3339 timestamp. The kubelet writes year 1 for a container that never ran. */
export function millis(time: unknown): number | undefined {
  const value = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return value > 0 ? value : undefined;
}

/** The order in which the Pods of a sequence were created. */
export const byCreation = (a: StepPod, b: StepPod): number =>
  a.createdAt - b.createdAt || (a.runs[0]?.from ?? Infinity) - (b.runs[0]?.from ?? Infinity) || 0;
