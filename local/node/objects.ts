/** Types of the Kubernetes objects that the node reads: the API's JSON, readonly. */
import type {
  V1Container,
  V1ContainerStatus,
  V1NodeStatus,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeSpec,
  V1PodCondition,
  V1PodSpec,
  V1PodStatus,
  V1Volume,
} from '@kubernetes/client-node';
import type { Frozen, ObjectMeta } from '../../shared/api/types.ts';

export type Container = Frozen<V1Container>;
export type Volume = Frozen<V1Volume>;
export type PodSpec = Frozen<V1PodSpec>;
export type PodStatus = Frozen<V1PodStatus>;
export type PodCondition = Frozen<V1PodCondition>;
export type ContainerStatus = Frozen<V1ContainerStatus>;
export type NodeStatus = Frozen<V1NodeStatus>;

export interface Pod {
  readonly metadata: ObjectMeta & { readonly deletionGracePeriodSeconds?: number };
  readonly spec: PodSpec;
  readonly status?: PodStatus;
}

export interface Claim {
  readonly metadata: ObjectMeta;
  readonly spec: Frozen<V1PersistentVolumeClaimSpec>;
  readonly status?: { readonly phase?: string };
}

export interface PersistentVolume {
  readonly metadata: Omit<ObjectMeta, 'namespace'>;
  readonly spec: Frozen<V1PersistentVolumeSpec>;
  readonly status?: { readonly phase?: string };
}

/** The data of a ConfigMap or a Secret, as bytes. */
export type Content = Readonly<Record<string, Buffer>>;

/** `namespace/name`, the key of the caches. */
export function keyIn(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** Whether the Pod's phase is final. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}
