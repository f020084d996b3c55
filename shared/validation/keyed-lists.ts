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
  const claims = asObjects<V1PodResourceClaim>(spec.resourceClaims).map(({ name }) => nonEmptyString(name));
  reportDuplicates(claims, (i, name) =>
    errors.push(duplicate(at.child('resourceClaims').index(i).child('name'), name)),
  );
}

function reportDuplicates(keys: readonly (string | undefined)[], report: (index: number, key: string) => void): void {
  const seen = new Set<string>();
  keys.forEach((key, i) => {
    if (key !== undefined && seen.has(key)) {
      report(i, key);
    } else if (key !== undefined) {
      seen.add(key);
    }
  });
}
