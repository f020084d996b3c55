/** SequentialJobs, Jobs and client answers with sensible defaults: a test says only what it is about. */
import { API_VERSION, FINALIZER, KIND } from '../../shared/api/group.ts';
import type { JobCondition, ObservedJob } from '../../shared/api/job.ts';
import type {
  ObjectMeta,
  OwnerReference,
  SequentialJob,
  SequentialJobSpec,
  SequentialJobStatus,
  Step,
} from '../../shared/api/types.ts';

export const NAMESPACE = 'team-a';
export const UID = '6b1f0a52-0000-4000-8000-000000000001';
/** The time of most tests, and the same as it stands on the wire. */
export const NOW = '2026-11-02T10:00:00Z';
export const NOW_MS = Date.parse(NOW);

/** A time so many seconds after NOW; before it where negative. */
export function at(seconds: number): string {
  return new Date(NOW_MS + seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** A step: a container, and what else is said of it. */
export function container(name: string, more: Partial<Step> = {}): Step {
  return { name, image: 'registry.example.com/etl:1.0', ...more };
}

export const STEPS = ['extract', 'transform', 'load'] as const;

export interface ObjectOptions {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: Partial<SequentialJobSpec>;
  readonly status?: SequentialJobStatus | undefined;
}

/** A SequentialJob `etl` of three steps that carries the finalizer and has no status yet. */
export function sequentialJob({ metadata, spec, status }: ObjectOptions = {}): SequentialJob {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: 'etl',
      namespace: NAMESPACE,
      uid: UID,
      resourceVersion: '100',
      generation: 1,
      creationTimestamp: at(-60),
      finalizers: [FINALIZER],
      ...metadata,
    },
    spec: { steps: STEPS.map((name) => container(name)), ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

export function ownedBy(uid: string = UID, name = 'etl'): OwnerReference {
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true };
}

export interface JobOptions {
  readonly metadata?: Partial<ObservedJob['metadata']>;
  readonly status?: ObservedJob['status'];
  readonly step?: ObservedJob['step'];
  readonly suspended?: { readonly byOperator: boolean };
  readonly deadlineSeconds?: number;
}

/** The Job of step `index` of `sequentialJob()`, running. */
export function observedJob(index: number, { metadata, status, step, ...spec }: JobOptions = {}): ObservedJob {
  return {
    step: step ?? { index, name: STEPS[index] ?? 'step' },
    ...spec,
    metadata: {
      name: `etl-${index}-${STEPS[index] ?? 'step'}`,
      namespace: NAMESPACE,
      uid: jobUid(index),
      resourceVersion: String(200 + index),
      creationTimestamp: at(index),
      ownerReferences: [ownedBy()],
      ...metadata,
    },
    status: status ?? { active: 1, startTime: at(index) },
  };
}

export function jobUid(index: number): string {
  return `7c20e4d1-0000-4000-8000-${String(index).padStart(12, '0')}`;
}

export function jobCondition(type: string, more: Partial<JobCondition> = {}): JobCondition {
  return { type, status: 'True', lastTransitionTime: at(30), ...more };
}

/** The status of a Job that completed. */
export function completed(seconds = 30): ObservedJob['status'] {
  return {
    succeeded: 1,
    startTime: at(seconds - 10),
    completionTime: at(seconds),
    conditions: [jobCondition('SuccessCriteriaMet'), jobCondition('Complete', { lastTransitionTime: at(seconds) })],
  };
}

/** The status of a Job that failed. */
export function failed(seconds = 30): ObservedJob['status'] {
  const why = { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  return {
    failed: 4,
    startTime: at(seconds - 10),
    conditions: [
      jobCondition('FailureTarget', why),
      jobCondition('Failed', { ...why, lastTransitionTime: at(seconds) }),
    ],
  };
}
