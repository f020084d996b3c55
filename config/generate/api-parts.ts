/** The parts of docs/api.md: which fields have a table of their own, and what is said before it. */

export interface ApiPart {
  /** The heading, and the name of the type. */
  readonly name: string;
  /** The path of the object, or of a list of it, without indices. */
  readonly path: string;
  /** Paths at which the same type stands. */
  readonly also?: readonly string[];
  readonly text: string;
}

const V1BETA1: readonly ApiPart[] = [
  {
    name: 'Spec',
    path: '.spec',
    text: 'What to run. Before the sequence has started, everything may change. The column says what may change later.',
  },
  {
    name: 'Step',
    // The items of `finally` have all fields of those of `steps`, and `when`.
    path: '.spec.finally',
    also: ['.spec.steps'],
    text: 'Every field of a [Container](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container), and these beside them. `name` and `image` are required, as in a Job. `when` stands only in `finally`. A step may change as a whole: see `steps` and `finally` of the [spec](#spec).',
  },
  {
    name: 'StepJob',
    path: '.spec.steps.job',
    also: ['.spec.finally.job', '.spec.job'],
    text: "What the Job of a step gets. A step's own `job` may change with the step. `spec.job`, for the Jobs of all steps, may not change after the start. A field that a step leaves out comes from `spec.job`; `backoffLimit` has the default 3 there.",
  },
];

const V1ALPHA1: readonly ApiPart[] = [
  {
    name: 'Spec of v1alpha1',
    path: '.spec',
    text: 'What to run. The settings of a step, which `v1beta1` has beside its container, stand in `stepPolicies`.',
  },
  {
    name: 'SpecJob',
    path: '.spec.job',
    text: 'What the Jobs of all steps get, beside `spec.backoffLimit`. It may not change after the start.',
  },
  {
    name: 'StepPolicy',
    path: '.spec.stepPolicies',
    text: 'The settings of one step. A policy may change with its container.',
  },
  {
    name: 'StepPolicyJob',
    path: '.spec.stepPolicies.job',
    text: "More of what the step's Job gets. It may change with its container.",
  },
];

const COMMON: readonly ApiPart[] = [
  {
    name: 'StepPod',
    path: '.spec.steps.pod',
    also: ['.spec.finally.pod', '.spec.stepPolicies.pod'],
    text: "What the Pod of one step gets beyond `spec.template`. `nodeSelector` and the `metadata` are merged with the template's by key; `tolerations`, `resourceClaims` and `initContainers` are appended to the template's; every other field replaces the template's. It may change with its step.",
  },
  {
    name: 'VolumeClaimTemplate',
    path: '.spec.volumeClaimTemplates',
    text: 'A PersistentVolumeClaim that the operator creates for the sequence. It may not change after the start.',
  },
  {
    name: 'Status',
    path: '.status',
    text: 'Written by the controller only.',
  },
  {
    name: 'Condition',
    path: '.status.conditions',
    text: 'As in other resources of Kubernetes. [architecture.md](architecture.md) says what each means, [troubleshooting.md](troubleshooting.md) what to do.',
  },
  { name: 'StepCounts', path: '.status.state', text: 'Steps by state.' },
  { name: 'Progress', path: '.status.progress', text: 'How far the sequence has come, and why it failed.' },
  {
    name: 'StepStatus',
    path: '.status.steps',
    also: ['.status.finally'],
    text: 'What happened to one step.',
  },
];

const SCHEDULE: readonly ApiPart[] = [
  {
    name: 'Spec of a schedule',
    path: '.spec',
    text: 'Everything may change at any time. A run that was started keeps the spec with which it was created.',
  },
  {
    name: 'SequentialJobTemplate',
    path: '.spec.sequentialJobTemplate',
    text: 'What each run is.',
  },
  { name: 'Status of a schedule', path: '.status', text: 'Written by the controller only.' },
  { name: 'ActiveRun', path: '.status.active', text: 'A run that has not ended.' },
  {
    name: 'ScheduleCondition',
    path: '.status.conditions',
    text: 'As in other resources of Kubernetes. `Available` is True while the schedule is valid and runs can be created.',
  },
  {
    name: 'ObservedSchedule',
    path: '.status.observedSchedule',
    text: 'A schedule that changes starts anew: the times that it had before are not made up for.',
  },
];

export const API_PARTS = { v1beta1: V1BETA1, v1alpha1: V1ALPHA1, common: COMMON, schedule: SCHEDULE } as const;

export const SCHEDULE_INTRODUCTION = `A CronSequentialJob starts SequentialJobs, its runs, on a schedule: [schedules.md](schedules.md). It has one version, \`batch.example.com/v1beta1\`. An example:
`;

export const INTRODUCTION = `Every field of a SequentialJob, in its two API versions, and of a [CronSequentialJob](#cronsequentialjob). The fields of core types (Container, PodTemplateSpec and so on) are not repeated; links lead to
Kubernetes' own reference. \`kubectl explain sj.spec.steps.job\` shows the same in a terminal.

- **default**: the value of an absent field. Empty: the field has no effect unless it is set.
- **since**: the API version that brought the field. Every field is in both versions today, sometimes in another place ([what differs](versions.md#what-differs)).
- **may change after the start**: once \`status.startTime\` is set, the webhook refuses other changes ([more](../README.md#the-webhook)). \`FutureSteps\` is a value of \`updatePolicy\`.

[validation.md](validation.md) has the rules beyond types, [features.md](features.md) shows each feature with its output.
`;

const MODELINE = '# yaml-language-server: $schema=';
const FILE = 'config/schema/sequentialjob.schema.json';

export const EDITORS = `## In your editor

[${FILE}](../${FILE}) is a JSON Schema (draft 7) of both versions and of CronSequentialJob; every [release](release.md) has it, too. With it an editor that uses the
[YAML language server](https://github.com/redhat-developer/yaml-language-server) (VS Code with Red Hat's extension "YAML", Neovim, Emacs) completes fields, shows what
they mean, those of the core types included, and marks misspelled fields and wrong types while you write.

For one file, as its first line; a path is relative to the file, and a URL is allowed, too:

\`\`\`yaml
${MODELINE}./sequentialjob.schema.json
apiVersion: batch.example.com/v1beta1
kind: SequentialJob
metadata:
  name: hello
spec:
  steps:
    - { name: hello, image: busybox:1.36, command: [echo, hello] }
\`\`\`

For all files of a folder, in the settings of VS Code (\`.vscode/settings.json\`):

\`\`\`json
{
  "yaml.schemas": { "./sequentialjob.schema.json": ["sequences/*.yaml"] }
}
\`\`\`

Other documents in the same file, such as a ConfigMap, are accepted and not checked. The schema knows types, required fields and enumerations; \`sequentialjob lint\` has
[our rules](validation.md#our-rules), too, and is the one for CI.
`;
