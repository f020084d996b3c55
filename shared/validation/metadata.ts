/** The object's metadata, where this resource is stricter than the API server. */
import { NAME_MAX_LENGTH } from '../api/group.ts';
import type { ObjectMeta } from '../api/types.ts';
import { type FieldError, forbidden, invalid, Path, required, tooLong, type FieldErrors } from './field-error.ts';
import { dnsSubdomainProblems } from './names.ts';
import { asObject, nonEmptyString } from '../json/untrusted.ts';

const METADATA = Path.of('metadata');

/**
 * The error for a SequentialJob in the operator's own namespace (`own`): a Pod there could use the operator's service
 * account and read its Secrets. If `own` is undefined, every namespace is allowed.
 */
export function validateNamespace(namespace: string, own: string | undefined): readonly FieldError[] {
  const detail = "SequentialJobs are not run in the operator's own namespace";
  return namespace === own ? [forbidden(METADATA.child('namespace'), detail)] : [];
}

interface Generated extends ObjectMeta {
  readonly generateName: string;
}

/**
 * Validates the name: a DNS subdomain, as the API server requires for custom resources, that fits into a label value.
 * Dots are allowed in both, and in the names of Jobs and Pods. For 63 characters `generateName` needs no check: names that the API
 * server generates from it have at most 63 characters (apiserver pkg/storage/names/generate.go).
 */
export function validateMetadata(value: unknown, errors: FieldErrors, maxLength: number = NAME_MAX_LENGTH): void {
  const metadata = asObject<Generated>(value);
  const name = nonEmptyString(metadata?.name);
  if (name === undefined) {
    validateGenerateName(nonEmptyString(metadata?.generateName), errors, maxLength);
    return;
  }
  if (name.length > maxLength) {
    errors.push(tooLong(METADATA.child('name'), maxLength));
  } else {
    for (const problem of dnsSubdomainProblems(name)) {
      errors.push(invalid(METADATA.child('name'), name, problem));
    }
  }
}

/** The characters that the API server appends (apiserver pkg/storage/names/generate.go). */
const RANDOM_LENGTH = 5;

function validateGenerateName(prefix: string | undefined, errors: FieldErrors, maxLength: number): void {
  if (prefix === undefined) {
    errors.push(required(METADATA.child('name'), 'name or generateName is required'));
  } else if (maxLength < NAME_MAX_LENGTH && prefix.length > maxLength - RANDOM_LENGTH) {
    errors.push(tooLong(METADATA.child('generateName'), maxLength - RANDOM_LENGTH));
  }
}
