/** The schema of `spec` in v1alpha1: this resource's own fields, with descriptions, around the core types. */
import { DEFAULT_BACKOFF_LIMIT, MAX_FINALLY, MAX_POLICIES, MAX_STEPS } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { coreSchema } from './core-schema.ts';
import {
  COUNT,
  type Fields,
  JOB_FIELDS,
  ON_FAILURE_FIELD,
  POD_FIELD,
  SPEC_FIELDS,
  VOLUME_CLAIM_TEMPLATES,
  WHEN_FIELD,
} from './spec-fields.ts';

const { metadata, backoffLimit, activeDeadlineSeconds, pendingDeadlineSeconds, podFailurePolicy } = JOB_FIELDS;

const STEP_POLICY: Fields = {
  name: { type: 'string', description: 'The name of the container that this policy is for.' },
  backoffLimit: { ...backoffLimit, description: `${backoffLimit.description} In place of spec.backoffLimit.` },
  activeDeadlineSeconds,
  podFailurePolicy,
  onFailure: ON_FAILURE_FIELD,
  when: { ...WHEN_FIELD, description: `${WHEN_FIELD.description} Only for a container of finally.` },
  job: {
    type: 'object',
    properties: { metadata, pendingDeadlineSeconds },
    description: "More settings of this step's Job; what is left out comes from spec.job.",
  },
  pod: POD_FIELD,
};

const listOf = (maxItems: number, description: string): Schema => ({
  type: 'array',
  maxItems,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
  items: coreSchema('V1Container'),
  description,
});

const FIELDS: Fields = {
  containers: {
    ...listOf(
      MAX_STEPS,
      'The steps, in order. Each is a container as in a Pod and runs as a Job of its own, after the one before it has completed. Names are unique.',
    ),
    minItems: 1,
  },
  finally: listOf(
    MAX_FINALLY,
    'Containers that run in order after the sequence has ended, whether it has succeeded or failed.',
  ),
  job: {
    type: 'object',
    properties: { metadata, activeDeadlineSeconds, pendingDeadlineSeconds, podFailurePolicy },
    description: 'Settings of the Jobs of all steps.',
  },
  volumeClaimTemplates: VOLUME_CLAIM_TEMPLATES,
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
    maxItems: MAX_POLICIES,
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
