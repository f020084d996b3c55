/** SequentialJob in v1beta1: a step is a container with the settings of its Job and its Pod. */
import type { V1PersistentVolumeClaim, V1PodSpec } from '@kubernetes/client-node';
import type {
  Container,
  Frozen,
  ObjectMeta,
  OnFailure,
  PodFailurePolicy,
  PodTemplateSpec,
  SequentialJobStatus,
  UpdatePolicy,
} from './types.ts';

/** When a step of `finally` runs: by the result of the sequence. */
export const WHEN = ['Always', 'Succeeded', 'Failed'] as const;
export type When = (typeof WHEN)[number];

/** Labels and annotations of a child. */
export interface ChildMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The settings of a step's Job. */
export interface StepJob {
  readonly metadata?: ChildMetadata;
  readonly backoffLimit?: number;
  /** Seconds that the step may run. */
  readonly activeDeadlineSeconds?: number;
  /** Seconds without a started container after which the step fails. */
  readonly pendingDeadlineSeconds?: number;
  readonly podFailurePolicy?: PodFailurePolicy;
}

/** The settings of a step's Pod, beyond the template. */
export interface StepPod extends Frozen<
  Pick<
    V1PodSpec,
    | 'serviceAccountName'
    | 'automountServiceAccountToken'
    | 'nodeSelector'
    | 'tolerations'
    | 'affinity'
    | 'priorityClassName'
    | 'runtimeClassName'
    | 'restartPolicy'
    | 'terminationGracePeriodSeconds'
    | 'securityContext'
    | 'resourceClaims'
    | 'initContainers'
  >
> {
  readonly metadata?: ChildMetadata;
}

export interface StepSettings {
  readonly job?: StepJob;
  readonly pod?: StepPod;
  readonly onFailure?: OnFailure;
}

/** A core/v1 Container, with the settings of its step beside its own fields. */
export type Step = Container & StepSettings;

/** A step that runs after the sequence has ended. */
export type FinallyStep = Step & { readonly when?: When };

export interface SequentialJobSpec {
  readonly steps: readonly Step[];
  readonly finally?: readonly FinallyStep[];
  readonly job?: StepJob;
  readonly template?: PodTemplateSpec;
  readonly volumeClaimTemplates?: readonly Frozen<V1PersistentVolumeClaim>[];
  readonly activeDeadlineSeconds?: number;
  readonly ttlSecondsAfterFinished?: number;
  readonly suspend?: boolean;
  readonly updatePolicy?: UpdatePolicy;
  readonly resume?: number;
}

export interface SequentialJob {
  readonly apiVersion: 'batch.example.com/v1beta1';
  readonly kind: 'SequentialJob';
  readonly metadata: ObjectMeta;
  readonly spec: SequentialJobSpec;
  readonly status?: SequentialJobStatus;
}
