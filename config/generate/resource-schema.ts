/** The schema of the whole resource: `openAPIV3Schema` of the CustomResourceDefinition, and what ajv checks at run time. */
import { NAME_MAX_LENGTH } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { SPEC_SCHEMA } from './spec-schema.ts';
import { STATUS_SCHEMA } from './status-schema.ts';

export const RESOURCE_SCHEMA: Schema = {
  type: 'object',
  description:
    'SequentialJob runs the containers of its spec one after another, each as a Job. A container starts when the one before it has completed; the first that fails ends the sequence.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    // Of `metadata` a structural schema may restrict the names only (apiextensions pkg/apiserver/schema/validation.go).
    metadata: { type: 'object', properties: { name: { type: 'string', maxLength: NAME_MAX_LENGTH } } },
    spec: SPEC_SCHEMA,
    status: STATUS_SCHEMA,
  },
};
