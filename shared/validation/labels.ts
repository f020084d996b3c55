/** Labels and annotations that are not the user's to set, wherever the user can set any. */
import { GROUP } from '../api/group.ts';
import { forbidden, type FieldErrors, type Path } from './field-error.ts';
import { asEntries } from '../json/untrusted.ts';

/**
 * What tells a sequence's Pods apart, and what a Job puts on its Pods (pkg/apis/batch/types.go), with the names from before
 * Kubernetes 1.27. `app.kubernetes.io/managed-by` is not reserved: many tools set it on everything they render, and nothing
 * selects by it.
 */
const JOB_PREFIX = 'batch.kubernetes.io/';
const JOB_LABELS: ReadonlySet<string> = new Set(['controller-uid', 'job-name']);

/** Checks that none of the keys is this operator's or the Job controller's. `what`: labels or annotations. */
export function reservedKeyFaults(map: unknown, what: 'labels' | 'annotations', at: Path, faults: FieldErrors): void {
  for (const [key] of asEntries(map)) {
    const prefix = reservedPrefixOf(key);
    if (prefix !== undefined) {
      faults.push(forbidden(at.key(key), `${what} under "${prefix}" are set by the controllers`));
    } else if (isReserved(key, what)) {
      faults.push(forbidden(at.key(key), 'is set by the Job controller'));
    }
  }
}

/** Whether the key is this operator's or the Job controller's. An annotation called `job-name` is a user's: nobody reads it. */
export function isReserved(key: string, what: 'labels' | 'annotations'): boolean {
  return (what === 'labels' && JOB_LABELS.has(key)) || reservedPrefixOf(key) !== undefined;
}

/** Ours are those of the group and of whatever is below it: `batch.example.com/`, `results.batch.example.com/`. */
function reservedPrefixOf(key: string): string | undefined {
  const slash = key.indexOf('/');
  const domain = slash === -1 ? '' : key.slice(0, slash);
  const isOurs = domain === GROUP || domain.endsWith(`.${GROUP}`);
  return isOurs || key.startsWith(JOB_PREFIX) ? `${domain}/` : undefined;
}
