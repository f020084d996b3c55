/** The schema of `spec` in v1beta1: a step is a container with the settings of its Job and its Pod. */
import { DEFAULT_BACKOFF_LIMIT, MAX_FINALLY, MAX_STEPS } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { coreSchema } from './core-schema.ts';
import {
  type Fields,
  JOB_FIELDS,
  ON_FAILURE_FIELD,
  POD_FIELD,
  SPEC_FIELDS,
  VOLUME_CLAIM_TEMPLATES,
  WHEN_FIELD,
} from './spec-fields.ts';

const CONTAINER = coreSchema('V1Container');

/** A container, with more fields beside its own. */
function step(more: Fields = {}): Schema {
  const job: Schema = {
    type: 'object',
    properties: JOB_FIELDS,
    description: "Settings of this step's Job; what is left out comes from spec.job.",
  };
  return {
    ...CONTAINER,
    properties: { ...CONTAINER.properties, job, pod: POD_FIELD, onFailure: ON_FAILURE_FIELD, ...more },
  };
}

const listOf = (items: Schema, description: string): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
  items,
  description,
});

const FIELDS: Fields = {
  steps: {
    ...listOf(
      step(),
      'The steps, in order. Each is a container as in a Pod and runs as a Job of its own, after the one before it has completed. Names are unique.',
    ),
    minItems: 1,
    maxItems: MAX_STEPS,
  },
  finally: {
    ...listOf(
      step({ when: WHEN_FIELD }),
      'Steps that run in order after the sequence has ended, whether it has succeeded or failed.',
    ),
    maxItems: MAX_FINALLY,
  },
  job: {
    type: 'object',
    default: {},
    properties: {
      ...JOB_FIELDS,
      backoffLimit: { ...JOB_FIELDS.backoffLimit, default: DEFAULT_BACKOFF_LIMIT },
    },
    description: 'Settings of the Jobs of all steps.',
  },
  volumeClaimTemplates: VOLUME_CLAIM_TEMPLATES,
  ...SPEC_FIELDS,
};

/** The schema of `spec` in v1beta1. */
export const V1BETA1_SPEC_SCHEMA: Schema = {
  type: 'object',
  required: ['steps'],
  properties: FIELDS,
  description: 'The steps to run one after another, and how.',
};
