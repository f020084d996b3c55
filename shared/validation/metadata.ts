/** The object's own metadata, as far as this resource is stricter than the API server. */
import { NAME_MAX_LENGTH } from '../api/group.ts';
import type { ObjectMeta } from '../api/types.ts';
import { type FieldError, forbidden, invalid, Path, required, tooLong, type FieldErrors } from './field-error.ts';
import { dnsSubdomainProblems } from './names.ts';
import { asObject, nonEmptyString } from '../json/untrusted.ts';

const METADATA = Path.of('metadata');

/**
 * The faults of a SequentialJob in this namespace. `own` is the operator's: a Pod in it could use the operator's service account
 * and read its Secrets. Undefined: it has none.
 */
export function namespaceFaults(namespace: string, own: string | undefined): readonly FieldError[] {
  const detail = "SequentialJobs are not run in the operator's own namespace";
  return namespace === own ? [forbidden(METADATA.child('namespace'), detail)] : [];
}

interface Generated extends ObjectMeta {
  readonly generateName: string;
}

/**
 * Checks the name: a DNS subdomain, as the API server asks of every custom resource, that fits a label's value. Dots
 * are legal in both, and in the names of Jobs and Pods. A `generateName` needs no check: what the API server makes of it
 * never has more than 63 characters (apiserver pkg/storage/names/generate.go).
 */
export function metadataFaults(value: unknown, faults: FieldErrors): void {
  const metadata = asObject<Generated>(value);
  const name = nonEmptyString(metadata?.name);
  if (name === undefined) {
    if (nonEmptyString(metadata?.generateName) === undefined) {
      faults.push(required(METADATA.child('name'), 'name or generateName is required'));
    }
    return;
  }
  if (name.length > NAME_MAX_LENGTH) {
    faults.push(tooLong(METADATA.child('name'), NAME_MAX_LENGTH));
  } else {
    for (const problem of dnsSubdomainProblems(name)) {
      faults.push(invalid(METADATA.child('name'), name, problem));
    }
  }
}
