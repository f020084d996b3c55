/** The objects of a measurement: sequences as the webhook leaves them, and what is read of what the API server shows. */
import { withDefaults } from '../../shared/api/defaults.ts';
import { API_VERSION, FINALIZER, KIND, LABELS } from '../../shared/api/group.ts';

/** Of an ordinary size: a command, an environment and resources. */
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

/** A sequence with its defaults and its finalizer, as JSON. */
export function sequenceBody(name: string, steps: number): string {
  const containers = Array.from({ length: steps }, (_, i) => container(`step-${i}`)) as never;
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, finalizers: [FINALIZER] },
    spec: withDefaults({ containers }),
  });
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A Job or a SequentialJob in a frame. */
export interface Shown {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Both kinds say it with the same condition. */
export function isComplete({ status }: Shown): boolean {
  return status?.conditions?.some(({ type, status }) => type === 'Complete' && status === 'True') === true;
}

/** Which step of which sequence a Job is. */
export function stepOf({ metadata: { labels } }: Shown): { readonly sequence: string; readonly index: number } {
  return { sequence: labels?.[LABELS.name] ?? '', index: Number(labels?.[LABELS.stepIndex]) };
}

/** What the Job controller would write at the end of a Job whose Pod succeeded (a merge patch). From 1.31 on it has both conditions. */
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
