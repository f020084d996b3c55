/**
 * Lists of the Pod spec that are maps in the resource's schema, so that server-side apply can merge them: the API
 * server refuses duplicate keys. JSON schema cannot express that; the errors are worded as for a Pod.
 */
import type {
  V1PodResourceClaim,
  V1PodSchedulingGate,
  V1PodSpec,
  V1TopologySpreadConstraint,
} from '@kubernetes/client-node';
import { duplicate, type FieldErrors, type Path } from './field-error.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** Checks that topology spread constraints, scheduling gates and resource claims have unique keys. */
export function validateKeyedLists(spec: Untrusted<V1PodSpec>, at: Path, errors: FieldErrors): void {
  const constraints = asObjects<V1TopologySpreadConstraint>(spec.topologySpreadConstraints);
  const pairs = constraints.map(({ topologyKey, whenUnsatisfiable }) => {
    const [key, action] = [nonEmptyString(topologyKey), nonEmptyString(whenUnsatisfiable)];
    return key === undefined || action === undefined ? undefined : `{${key}, ${action}}`;
  });
  reportDuplicates(pairs, (i, pair) => {
    const here = at.child('topologySpreadConstraints').index(i).child('{topologyKey, whenUnsatisfiable}');
    errors.push(duplicate(here, pair));
  });
  const gates = asObjects<V1PodSchedulingGate>(spec.schedulingGates).map(({ name }) => nonEmptyString(name));
  reportDuplicates(gates, (i, name) => errors.push(duplicate(at.child('schedulingGates').index(i), name)));
  validateClaims(spec.resourceClaims, NONE, at.child('resourceClaims'), errors);
}

const NONE: ReadonlySet<string> = new Set();

/** Checks that resource claims have unique names, which are not among `taken`: those of other claims of the Pod. */
export function validateClaims(value: unknown, taken: ReadonlySet<string>, at: Path, errors: FieldErrors): void {
  const claims = asObjects<V1PodResourceClaim>(value).map(({ name }) => nonEmptyString(name));
  const report = (i: number, name: string): void => errors.push(duplicate(at.index(i).child('name'), name));
  reportDuplicates(claims, report, taken);
}

function reportDuplicates(
  keys: readonly (string | undefined)[],
  report: (index: number, key: string) => void,
  taken = NONE,
): void {
  const seen = new Set<string>();
  keys.forEach((key, i) => {
    if (key !== undefined && (seen.has(key) || taken.has(key))) {
      report(i, key);
    } else if (key !== undefined) {
      seen.add(key);
    }
  });
}
