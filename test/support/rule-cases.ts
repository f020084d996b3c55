/** Updates and what the rules in CEL say of them: evaluated by test/support/cel.ts, and by a real API server where it knows them. */
type Json = Readonly<Record<string, unknown>>;

const STEPS = ['a', 'b', 'c'].map((name) => ({ name, image: 'busybox:1.36', command: ['sh', '-c', name] }));
const [A, B, C] = STEPS;

export const SPEC = {
  steps: STEPS,
  job: { metadata: { labels: { team: 'a' } } },
  resume: 1,
  template: {
    metadata: { labels: { app: 'etl' } },
    spec: { restartPolicy: 'Never', volumes: [{ name: 'data' }], serviceAccountName: 'runner' },
  },
};

export const RUNNING = {
  startTime: '2026-01-01T00:00:00Z',
  progress: { currentIndex: 1, currentStep: 'b', completedIndices: [0], summary: '1/3' },
  steps: [
    { index: 0, name: 'a', state: 'Succeeded' },
    { index: 1, name: 'b', state: 'Running' },
  ],
};

/** The Job of the second step was refused: the step has no record. */
const REJECTED = {
  ...RUNNING,
  progress: { ...RUNNING.progress, failedIndex: 1, failureReason: 'JobRejected', failureMessage: 'x' },
  steps: RUNNING.steps.slice(0, 1),
};

export type ObjectName = 'started' | 'open' | 'rejected' | 'refused' | 'limited';

/** The objects that are updated. */
export const OBJECTS: Readonly<Record<ObjectName, { readonly spec: Json; readonly status: Json }>> = {
  started: { spec: SPEC, status: RUNNING },
  limited: {
    spec: { ...SPEC, job: { backoffLimit: 1 }, steps: [{ ...A, job: { backoffLimit: 1 } }, B, C] },
    status: RUNNING,
  },
  open: { spec: { ...SPEC, updatePolicy: 'FutureSteps' }, status: RUNNING },
  rejected: { spec: { ...SPEC, updatePolicy: 'FutureSteps' }, status: REJECTED },
  refused: { spec: SPEC, status: { phase: 'Failed', completionTime: '2026-01-01T00:00:00Z' } },
};

const CHANGED = { ...C, image: 'alpine:3.22' };

/** A merge patch of an object, and the beginning of the message that refuses it; empty if none does. */
export type Case = readonly [sentence: string, object: ObjectName, body: Json, refusal: string];

export const spec = (changes: Json): Json => ({ spec: changes });
const pod = (changes: Json): Json => spec({ template: { spec: changes } });
const meta = (changes: Json): Json => spec({ template: { metadata: changes } });

const with2 = (second: object): Json => spec({ steps: [A, second, C] });
const with3 = (third: object): Json => spec({ steps: [A, B, third] });
const longer = spec({ steps: [...STEPS, { name: 'd', image: 'x' }] });
const shorter = spec({ steps: [A, B] });
const STARTED_STEP = 'spec.steps: a step that has been started';

export const REFUSED: readonly Case[] = [
  ['a step is added', 'started', longer, 'spec.steps'],
  ['a step is removed', 'started', shorter, 'spec.steps'],
  ['two steps are swapped', 'started', spec({ steps: [A, C, B] }), 'spec.steps'],
  ['the image of a later step changes', 'started', with3(CHANGED), 'spec.steps'],
  ['a command changes', 'started', with3({ ...C, command: ['x'] }), 'spec.steps'],
  ['arguments are added', 'started', with3({ ...C, args: ['x'] }), 'spec.steps'],
  ['the current step changes with FutureSteps', 'open', with2({ ...B, image: 'x' }), STARTED_STEP],
  ['a completed step changes', 'rejected', spec({ steps: [{ ...A, image: 'x' }, B, C] }), STARTED_STEP],
  ['a completed step is removed', 'open', spec({ steps: [B, C] }), 'spec.steps: a step'],
  ['all but the completed step are removed', 'open', spec({ steps: [A] }), 'spec.steps: a step'],
  [
    'updatePolicy becomes Immutable while a step changes',
    'open',
    spec({ updatePolicy: 'Immutable', steps: [A, B, CHANGED] }),
    'spec.steps',
  ],
  ['the backoffLimit changes', 'started', spec({ job: { backoffLimit: 9 } }), 'spec.job.backoffLimit'],
  ['the backoffLimit changes with FutureSteps', 'open', spec({ job: { backoffLimit: 9 } }), 'spec.job.backoffLimit'],
  ['the job is removed that all steps have', 'limited', spec({ job: null }), 'spec.job.backoffLimit'],
  ['a label changes', 'open', meta({ labels: { app: 'x' } }), 'spec.template.metadata.labels'],
  ['an annotation is added', 'started', meta({ annotations: { a: 'x' } }), 'spec.template.metadata.annotations'],
  ['the restart policy changes', 'started', pod({ restartPolicy: 'OnFailure' }), 'spec.template.spec.restartPolicy'],
  [
    'the service account changes',
    'started',
    pod({ serviceAccountName: 'root' }),
    'spec.template.spec.serviceAccountName',
  ],
  ['the node selector changes', 'started', pod({ nodeSelector: { a: 'b' } }), 'spec.template.spec.nodeSelector'],
  ['a volume is added', 'started', pod({ volumes: [{ name: 'data' }, { name: 'x' }] }), 'spec.template.spec.volumes'],
  [
    'an init container is added',
    'started',
    pod({ initContainers: [{ name: 'x' }] }),
    'spec.template.spec.initContainers',
  ],
];

/** What a Go client sends of the same spec. */
const GO = {
  template: {
    metadata: { creationTimestamp: null, annotations: {}, labels: { app: 'etl' } },
    spec: { ...SPEC.template.spec, containers: null, nodeSelector: {}, initContainers: [] },
  },
  steps: STEPS.map((step) => Object.assign({ args: [], resources: {}, env: [] }, step)),
};
const FUTURE = { updatePolicy: 'FutureSteps' };
const FIXED = { steps: [A, { ...B, image: 'x', job: { backoffLimit: 0 } }, C] };

export const ACCEPTED: readonly Case[] = [
  ['the spec is unchanged', 'started', {}, ''],
  ['the sequence is suspended', 'started', spec({ suspend: true }), ''],
  ['a deadline is added', 'started', spec({ activeDeadlineSeconds: 60 }), ''],
  ['a TTL is added', 'started', spec({ ttlSecondsAfterFinished: 60 }), ''],
  ['resume is raised', 'started', spec({ resume: 2 }), ''],
  ['resume is lowered', 'started', spec({ resume: 0 }), ''],
  ['resume is removed', 'started', spec({ resume: null }), ''],
  ['updatePolicy changes', 'started', spec(FUTURE), ''],
  ['updatePolicy changes together with a later step', 'started', spec({ ...FUTURE, steps: [A, B, CHANGED] }), ''],
  ['a later step changes with FutureSteps', 'open', with3(CHANGED), ''],
  ['a later step is removed with FutureSteps', 'open', shorter, ''],
  ['a step is added with FutureSteps', 'open', longer, ''],
  ['the step whose Job was rejected changes', 'rejected', spec(FIXED), ''],
  ['the step whose Job was rejected is removed', 'rejected', spec({ steps: [A, C] }), ''],
  ['a finalizer is removed, and a label is set', 'started', { metadata: { finalizers: null, labels: { a: 'b' } } }, ''],
  ['a Go client writes back the object that it read', 'started', spec(GO), ''],
  ['the default restartPolicy is removed', 'started', pod({ restartPolicy: null }), ''],
  ['the default restartPolicy becomes empty', 'started', pod({ restartPolicy: '' }), ''],
  ['all fields change before the start', 'refused', spec({ ...GO, steps: [CHANGED], job: { backoffLimit: 9 } }), ''],
];

const policies = (...stepPolicies: readonly Json[]): Json => spec({ stepPolicies });
const SILENT = { name: 'c', onFailure: '', job: {}, pod: {} };

/** Updates in v1alpha1 of what v1beta1 does not have, or that its rules do not read. */
export const V1ALPHA1_REFUSED: readonly Case[] = [
  ['a policy is added', 'started', policies({ name: 'c', onFailure: 'Continue' }), 'spec.stepPolicies'],
  ...['backoffLimit', 'activeDeadlineSeconds'].map((field): Case => [
    `a policy with only ${field} is added`,
    'started',
    policies({ name: 'c', [field]: 1 }),
    'spec.stepPolicies',
  ]),
  [
    'a policy with only a podFailurePolicy is added',
    'started',
    policies({ name: 'c', podFailurePolicy: { rules: [] } }),
    'spec.stepPolicies',
  ],
  ['the policy is removed', 'limited', policies(), 'spec.stepPolicies'],
  ['the policies are removed', 'limited', spec({ stepPolicies: null }), 'spec.stepPolicies'],
  ['the backoffLimit is removed', 'limited', spec({ backoffLimit: null }), 'spec.backoffLimit'],
];

export const V1ALPHA1_ACCEPTED: readonly Case[] = [
  ['a policy that says nothing is added, which a conversion has left out', 'started', policies({ name: 'c' }), ''],
  ['a policy of empty settings is added, as a Go client of v1beta1 leaves them', 'started', policies(SILENT), ''],
  ['a policy that says nothing is added to another', 'limited', policies({ name: 'a', backoffLimit: 1 }, SILENT), ''],
  ['a policy is added with FutureSteps', 'open', policies({ name: 'c', backoffLimit: 1 }), ''],
  ['a policy is added before the start', 'refused', policies({ name: 'c', backoffLimit: 1 }), ''],
];

/** A merge patch (RFC 7386). */
export function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Json | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
