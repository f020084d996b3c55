/** Converts SequentialJobs between the API versions. Pure. */
import { GROUP, KIND } from '../api/group.ts';
import { isObject } from '../json/untrusted.ts';
import { ConversionError } from './conversion-error.ts';
import { toV1alpha1Spec } from './to-v1alpha1.ts';
import { toV1beta1Spec } from './to-v1beta1.ts';

export { ConversionError } from './conversion-error.ts';
export { type Policy, toV1beta1Spec, toV1beta1SpecForValidation } from './to-v1beta1.ts';

/** The API versions, and how the spec of the other one becomes theirs. */
const CONVERTERS: Readonly<Record<string, (spec: unknown) => unknown>> = {
  [`${GROUP}/v1alpha1`]: toV1alpha1Spec,
  [`${GROUP}/v1beta1`]: toV1beta1Spec,
};

export const API_VERSIONS: readonly string[] = Object.keys(CONVERTERS);

/** Whether a value is one of our API versions. */
export const isApiVersion = (value: unknown): value is string => API_VERSIONS.some((version) => version === value);

/**
 * The object in another version; itself if it has that version. Metadata, status and unknown fields are the same values in
 * both: the API server refuses a conversion that changes metadata other than labels and annotations (apiextensions-apiserver
 * pkg/apiserver/conversion/webhook_converter.go). Throws ConversionError if it is not a SequentialJob, or malformed.
 */
export function convert(object: unknown, apiVersion: string): unknown {
  const toVersion = converterTo(apiVersion);
  if (!isObject(object)) throw new ConversionError('must be an object');
  if (object['kind'] !== KIND) throw new ConversionError(`kind: must be ${KIND}`);
  if (object['apiVersion'] === apiVersion) return object;
  converterTo(object['apiVersion']);
  return { ...object, apiVersion, ...('spec' in object ? { spec: toVersion(object['spec']) } : {}) };
}

function converterTo(apiVersion: unknown): (spec: unknown) => unknown {
  const converter = isApiVersion(apiVersion) ? CONVERTERS[apiVersion] : undefined;
  if (converter === undefined) throw new ConversionError(`apiVersion: must be one of ${API_VERSIONS.join(', ')}`);
  return converter;
}
