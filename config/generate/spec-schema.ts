/** The schema of `spec`: this resource's own fields, with descriptions, around the core types. */
import { DEFAULT_BACKOFF_LIMIT, MAX_STEPS } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { ON_FAILURE, UPDATE_POLICIES } from '../../shared/api/types.ts';
import { coreSchema, INT32 } from './core-schema.ts';

const COUNT: Schema = { ...INT32, minimum: 0 };
const SECONDS: Schema = { type: 'integer', format: 'int64', minimum: 1 };

const STEP_POLICY: Readonly<Record<string, Schema>> = {
  name: { type: 'string', description: 'The name of the container that this policy is for.' },
  backoffLimit: {
    ...COUNT,
    description: 'How often a failed Pod of this step is retried, in place of spec.backoffLimit.',
  },
  activeDeadlineSeconds: {
    ...SECONDS,
    description: 'The time limit of this step in seconds. It may not be above spec.activeDeadlineSeconds.',
  },
  onFailure: {
    type: 'string',
    enum: ['', ...ON_FAILURE],
    description:
      'What a failure of this step means for the sequence: Stop, the default, ends it as failed; Continue marks the step as failed and goes on with the next.',
  },
  podFailurePolicy: {
    ...coreSchema('V1PodFailurePolicy'),
    description:
      "How this step's Pod failures count, as podFailurePolicy of a batch/v1 Job. Requires the restart policy Never. A server that does not know it ignores it.",
  },
};

const FIELDS: Readonly<Record<string, Schema>> = {
  containers: {
    type: 'array',
    minItems: 1,
    maxItems: MAX_STEPS,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: coreSchema('V1Container'),
    description:
      'The steps, in order. Each is a container as in a Pod and runs as a Job of its own, after the one before it has completed. Names are unique.',
  },
  template: {
    ...coreSchema('V1PodTemplateSpec'),
    default: {},
    description:
      'What the Pods of all steps share: labels, annotations, volumes, init containers, service account, node selector, tolerations, security context and so on. Its own spec.containers must be empty, as the step supplies the container. Its restart policy is Never unless it says OnFailure.',
  },
  backoffLimit: {
    ...COUNT,
    default: DEFAULT_BACKOFF_LIMIT,
    description: 'How often a failed Pod of a step is retried before the step, and with it the sequence, has failed.',
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
      'Which containers may change after the start: Immutable allows none; FutureSteps allows those after the current one to change, to be added and to be removed.',
  },
  stepPolicies: {
    type: 'array',
    maxItems: MAX_STEPS,
    default: [],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: { type: 'object', required: ['name'], properties: STEP_POLICY },
    description: 'Settings of single steps, by the name of their container.',
  },
  resume: {
    ...COUNT,
    default: 0,
    description:
      'Raise it to resume a failed sequence at the step that failed; completed steps are not run again. To resume it once more, set it above status.resumes; lowering it does nothing.',
  },
};

/** The schema of `spec`. */
export const SPEC_SCHEMA: Schema = {
  type: 'object',
  required: ['containers'],
  properties: FIELDS,
  description: 'The containers to run one after another, and how.',
};
