/**
 * The schemas of the whole resource: `openAPIV3Schema` of the two versions in the CustomResourceDefinition. At run time, ajv
 * checks that of v1beta1, after conversion.
 */
import { NAME_MAX_LENGTH } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { SPEC_SCHEMA as V1ALPHA1_SPEC } from './v1alpha1-spec.ts';
import { STATUS_SCHEMA } from './status-schema.ts';
import { V1BETA1_SPEC_SCHEMA } from './v1beta1-spec.ts';

const resource = (spec: Schema): Schema => ({
  type: 'object',
  description:
    'SequentialJob runs the steps of its spec one after another, each as a Job. A step starts when the one before it has completed; the first that fails ends the sequence.',
  required: ['spec'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    // Of `metadata` a structural schema may restrict the names only (apiextensions pkg/apiserver/schema/validation.go).
    metadata: { type: 'object', properties: { name: { type: 'string', maxLength: NAME_MAX_LENGTH } } },
    spec,
    status: STATUS_SCHEMA,
  },
});

export const RESOURCE_SCHEMA: Schema = resource(V1BETA1_SPEC_SCHEMA);
export const V1ALPHA1_RESOURCE_SCHEMA: Schema = resource(V1ALPHA1_SPEC);
