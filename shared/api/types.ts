/**
 * The SequentialJob as the API stores it, which is what all code works on: v1beta1, as plain JSON, times as RFC 3339 strings,
 * all fields readonly. v1alpha1.ts has the older version. The core types are those of client-node (types only, none of its
 * code is loaded).
 */
import type {
  V1Container,
  V1PersistentVolumeClaim,
  V1PodFailurePolicy,
  V1PodSpec,
  V1PodTemplateSpec,
} from '@kubernetes/client-node';
import type { API_VERSION, KIND } from './group.ts';

/** Recursively readonly: readers of the cache share its objects. */
export type Frozen<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? readonly Frozen<U>[]
    : T extends object
      ? { readonly [K in keyof T]: Frozen<T[K]> }
      : T;

export type Container = Frozen<V1Container>;
export type PodTemplateSpec = Frozen<V1PodTemplateSpec>;
export type PodFailurePolicy = Frozen<V1PodFailurePolicy>;

export const UPDATE_POLICIES = ['Immutable', 'FutureSteps'] as const;
export type UpdatePolicy = (typeof UPDATE_POLICIES)[number];

export const ON_FAILURE = ['Stop', 'Continue'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

export const PHASES = ['Pending', 'Running', 'Finishing', 'Suspended', 'Completed', 'Failed'] as const;
export type Phase = (typeof PHASES)[number];

export const STEP_STATES = ['Running', 'Succeeded', 'Failed', 'Skipped'] as const;
export type StepState = (typeof STEP_STATES)[number];

/** The conditions that are always present, in order; their states: `conditionStates` of controller/decide/condition-states.ts. */
export const CONDITION_TYPES = [
  'Available',
  'Progressing',
  'Failed',
  'Complete',
  'Suspended',
  'ResourcesUnavailable',
] as const;
/** Conditions that are present only while True, for tools that wait by kstatus: Helm 4, Flux and others. */
export const TRANSIENT_CONDITION_TYPES = ['Reconciling', 'Stalled'] as const;
export type TransientConditionType = (typeof TRANSIENT_CONDITION_TYPES)[number];

/** The conditions that are always present, and those that are present while True. */
export type ConditionType = (typeof CONDITION_TYPES)[number] | TransientConditionType;

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** The part of ObjectMeta that the operator reads. Objects from the API always carry name, uid and resourceVersion. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

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

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}

export interface StepCounts {
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
}

export interface Progress {
  readonly currentIndex?: number;
  readonly currentStep?: string;
  readonly completedIndices: readonly number[];
  readonly failedIndex?: number;
  readonly failureReason?: string;
  readonly failureMessage?: string;
  readonly summary: string;
}

export interface StepStatus {
  readonly index: number;
  readonly name: string;
  readonly jobName?: string;
  readonly jobUID?: string;
  readonly state: StepState;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly attempts?: number;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  /** The whole termination message, where another step refers to it. */
  readonly result?: string;
}

export interface SequentialJobStatus {
  readonly observedGeneration?: number;
  readonly phase?: Phase;
  readonly conditions?: readonly Condition[];
  readonly state?: StepCounts;
  readonly progress?: Progress;
  readonly steps?: readonly StepStatus[];
  /** Present from the moment at which the steps have ended and those of `finally` are due. */
  readonly finally?: readonly StepStatus[];
  readonly startTime?: string;
  readonly activeStartTime?: string;
  readonly completionTime?: string;
  readonly resumes?: number;
}

export interface SequentialJob {
  readonly apiVersion: typeof API_VERSION;
  readonly kind: typeof KIND;
  readonly metadata: ObjectMeta;
  readonly spec: SequentialJobSpec;
  readonly status?: SequentialJobStatus;
}
