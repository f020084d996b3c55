/** SequentialJob in v1alpha1: containers, and policies that name them. */
import type {
  Container,
  ObjectMeta,
  OnFailure,
  PodFailurePolicy,
  SequentialJobSpec as V1beta1Spec,
  SequentialJobStatus,
  StepJob,
  StepPod,
  When,
} from './types.ts';

/** The settings of one step, of `containers` or of `finally`. */
export interface StepPolicy {
  /** The name of the container. */
  readonly name: string;
  readonly backoffLimit?: number;
  readonly activeDeadlineSeconds?: number;
  readonly podFailurePolicy?: PodFailurePolicy;
  readonly onFailure?: OnFailure;
  /** Only for a step of `finally`. */
  readonly when?: When;
  readonly job?: Pick<StepJob, 'metadata' | 'pendingDeadlineSeconds'>;
  readonly pod?: StepPod;
}

export interface SequentialJobSpec extends Pick<
  V1beta1Spec,
  | 'template'
  | 'volumeClaimTemplates'
  | 'activeDeadlineSeconds'
  | 'ttlSecondsAfterFinished'
  | 'suspend'
  | 'updatePolicy'
  | 'resume'
> {
  readonly containers: readonly Container[];
  readonly finally?: readonly Container[];
  readonly backoffLimit?: number;
  readonly job?: Omit<StepJob, 'backoffLimit'>;
  readonly stepPolicies?: readonly StepPolicy[];
}

export interface SequentialJob {
  readonly apiVersion: 'batch.example.com/v1alpha1';
  readonly kind: 'SequentialJob';
  readonly metadata: ObjectMeta;
  readonly spec: SequentialJobSpec;
  readonly status?: SequentialJobStatus;
}
