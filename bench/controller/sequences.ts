/** The objects of the benchmarks: SequentialJobs with defaults, and the parts that are read of observed objects. */
import { withDefaults } from '../../shared/api/defaults.ts';
import { API_VERSION, FINALIZER, KIND, LABELS, type V1ALPHA1, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import { convert } from '../../shared/conversion/index.ts';

/** Of each sequence, unless a benchmark says otherwise. */
export const STEPS = 5;

/** A container of typical size, with command, environment and resources. */
const container = (name: string): object => ({
  name,
  image: 'registry.example.com/steps:1.4',
  command: ['step', `--name=${name}`, '--input=/data/in', '--output=/data/out'],
  env: [
    { name: 'STAGE', value: 'production' },
    { name: 'REGION', value: 'eu-central-1' },
  ],
  resources: { requests: { cpu: '100m', memory: '64Mi' } },
});

/** A SequentialJob with defaults and finalizer, as the webhook returns it, in JSON. */
export function sequenceBody(name: string, count: number, version?: typeof V1ALPHA1): string {
  const steps = Array.from({ length: count }, (_, i) => container(`step-${i}`)) as never;
  const object = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, finalizers: [FINALIZER] },
    spec: withDefaults({ steps }),
  };
  return JSON.stringify(version === undefined ? object : convert(object, V1ALPHA1_API_VERSION));
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A Job or a SequentialJob in a watch event. */
export interface ObservedObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Jobs and SequentialJobs have the same condition type. */
export function isComplete({ status }: ObservedObject): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True') === true;
}

/** The sequence and the step index of a Job. */
export function stepOf({ metadata: { labels } }: ObservedObject): {
  readonly sequence: string;
  readonly index: number;
} {
  return { sequence: labels?.[LABELS.name] ?? '', index: Number(labels?.[LABELS.stepIndex]) };
}

/**
 * The status that the Job controller writes for a Job whose Pod has succeeded, as a merge patch. Since Kubernetes 1.31 it
 * writes both conditions.
 */
export function completion(now: Date): string {
  const time = `${now.toISOString().slice(0, 19)}Z`;
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: time,
    lastTransitionTime: time,
  }));
  return JSON.stringify({ status: { startTime: time, completionTime: time, succeeded: 1, conditions } });
}
