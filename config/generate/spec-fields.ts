/** The fields of a spec that both API versions have, and the settings of a step, which they have in different places. */
import type { Schema } from '../../shared/api/schema.ts';
import { ON_FAILURE, UPDATE_POLICIES, WHEN } from '../../shared/api/types.ts';
import { coreSchema, INT32 } from './core-schema.ts';

export type Fields = Readonly<Record<string, Schema>>;

export const COUNT: Schema = { ...INT32, minimum: 0 };
export const SECONDS: Schema = { type: 'integer', format: 'int64', minimum: 1 };

const STRING_MAP: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** Labels and annotations. */
export const metadata = (description: string): Schema => ({
  type: 'object',
  properties: { labels: STRING_MAP, annotations: STRING_MAP },
  description,
});

export const SPEC_FIELDS = {
  template: {
    ...coreSchema('V1PodTemplateSpec'),
    default: {},
    description:
      'What the Pods of all steps share: labels, annotations, volumes, init containers, service account, node selector, tolerations, security context and so on. Its own spec.containers must be empty, as the step supplies the container. Its restart policy is Never unless it says OnFailure.',
  },
  activeDeadlineSeconds: {
    ...SECONDS,
    description:
      'The time limit of the whole sequence in seconds, counted from status.startTime without the time spent suspended, and anew after a resume. No limit when absent.',
  },
  ttlSecondsAfterFinished: {
    ...COUNT,
    description: 'How many seconds after its end the SequentialJob is deleted, with its Jobs. Kept when absent.',
  },
  suspend: {
    type: 'boolean',
    default: false,
    description:
      'Whether the sequence is suspended. No further step starts, and the Pods of the running step are deleted; the step starts again from its beginning when this is false again. Before Kubernetes 1.22 the running step runs to its end.',
  },
  updatePolicy: {
    type: 'string',
    enum: UPDATE_POLICIES,
    default: 'Immutable',
    description:
      'Which steps may change after the start: Immutable allows none; FutureSteps allows those after the current one to change, to be added and to be removed.',
  },
  resume: {
    ...COUNT,
    default: 0,
    description:
      'Raise it to resume a failed sequence at the step that failed; completed steps are not run again. To resume it once more, set it above status.resumes; lowering it does nothing.',
  },
} as const satisfies Fields;

export const VOLUME_CLAIM_TEMPLATES: Schema = {
  type: 'array',
  maxItems: 20,
  items: {
    type: 'object',
    required: ['metadata', 'spec'],
    properties: {
      metadata: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, labels: STRING_MAP, annotations: STRING_MAP },
      },
      spec: coreSchema('V1PersistentVolumeClaimSpec'),
    },
  },
  description:
    'PersistentVolumeClaims that live as long as the sequence, named <name>-<sequence>. Steps mount them by the name of the template.',
};

/** What a failure of a step means. */
export const ON_FAILURE_FIELD: Schema = {
  type: 'string',
  enum: ['', ...ON_FAILURE],
  description:
    'What a failure of this step means for the sequence: Stop, the default, ends it as failed; Continue marks the step as failed and goes on with the next.',
};

export const WHEN_FIELD: Schema = {
  type: 'string',
  enum: ['', ...WHEN],
  description: 'After which end of the sequence this step runs: Always, the default, Succeeded or Failed.',
};

/** The fields of a Job that a step, or all steps, can set. */
export const JOB_FIELDS = {
  metadata: metadata('Labels and annotations of the Job.'),
  backoffLimit: { ...COUNT, description: 'How often a failed Pod is retried before the step has failed.' },
  activeDeadlineSeconds: {
    ...SECONDS,
    description: 'The time limit of one step in seconds. It may not be above spec.activeDeadlineSeconds.',
  },
  pendingDeadlineSeconds: {
    ...SECONDS,
    description: 'How many seconds a step may be without a started container before it fails.',
  },
  podFailurePolicy: {
    ...coreSchema('V1PodFailurePolicy'),
    description:
      'How Pod failures count, as podFailurePolicy of a batch/v1 Job. Requires the restart policy Never. A server that does not know it ignores it.',
  },
} as const satisfies Fields;

const POD_SPEC = coreSchema('V1PodSpec').properties ?? {};

/** The fields of a Pod that a step can set; scalars, affinity and securityContext replace those of the template, lists are appended. */
const POD_FIELDS = [
  'serviceAccountName',
  'automountServiceAccountToken',
  'nodeSelector',
  'tolerations',
  'affinity',
  'priorityClassName',
  'runtimeClassName',
  'restartPolicy',
  'terminationGracePeriodSeconds',
  'securityContext',
  'resourceClaims',
  'initContainers',
] as const;

export const POD_FIELD: Schema = {
  type: 'object',
  properties: {
    metadata: metadata('Labels and annotations of the Pod.'),
    ...Object.fromEntries(POD_FIELDS.map((name) => [name, POD_SPEC[name] ?? unknownField(name)])),
  },
  description:
    "Settings of this step's Pod beyond spec.template: maps are merged; tolerations, resourceClaims and initContainers are appended; other fields replace those of the template.",
};

function unknownField(name: string): never {
  throw new Error(`V1PodSpec has no field ${name}`);
}
