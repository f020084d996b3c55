/** The schema of `spec` in v1alpha1: this resource's own fields, with descriptions, around the core types. */
import { DEFAULT_BACKOFF_LIMIT, MAX_STEPS } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { coreSchema } from './core-schema.ts';
import { COUNT, type Fields, ON_FAILURE_FIELD, SECONDS, SPEC_FIELDS } from './spec-fields.ts';

const STEP_POLICY: Fields = {
  name: { type: 'string', description: 'The name of the container that this policy is for.' },
  backoffLimit: {
    ...COUNT,
    description: 'How often a failed Pod of this step is retried, in place of spec.backoffLimit.',
  },
  activeDeadlineSeconds: {
    ...SECONDS,
    description: 'The time limit of this step in seconds. It may not be above spec.activeDeadlineSeconds.',
  },
  onFailure: ON_FAILURE_FIELD,
  podFailurePolicy: {
    ...coreSchema('V1PodFailurePolicy'),
    description:
      "How this step's Pod failures count, as podFailurePolicy of a batch/v1 Job. Requires the restart policy Never. A server that does not know it ignores it.",
  },
};

const FIELDS: Fields = {
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
  template: SPEC_FIELDS.template,
  backoffLimit: {
    ...COUNT,
    default: DEFAULT_BACKOFF_LIMIT,
    description: 'How often a failed Pod of a step is retried before the step, and with it the sequence, has failed.',
  },
  activeDeadlineSeconds: SPEC_FIELDS.activeDeadlineSeconds,
  ttlSecondsAfterFinished: SPEC_FIELDS.ttlSecondsAfterFinished,
  suspend: SPEC_FIELDS.suspend,
  updatePolicy: SPEC_FIELDS.updatePolicy,
  stepPolicies: {
    type: 'array',
    maxItems: MAX_STEPS,
    default: [],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: { type: 'object', required: ['name'], properties: STEP_POLICY },
    description: 'Settings of single steps, by the name of their container.',
  },
  resume: SPEC_FIELDS.resume,
};

/** The schema of `spec`. */
export const SPEC_SCHEMA: Schema = {
  type: 'object',
  required: ['containers'],
  properties: FIELDS,
  description: 'The containers to run one after another, and how.',
};
