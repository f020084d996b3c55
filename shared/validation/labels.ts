/** Labels and annotations that users must not set in the template. */
import { GROUP } from '../api/group.ts';
import { forbidden, type FieldErrors, type Path } from './field-error.ts';
import { asEntries } from '../json/untrusted.ts';

/**
 * The labels that identify a sequence's Pods, and those that a Job sets on its Pods (pkg/apis/batch/types.go), with
 * their names from before Kubernetes 1.27. `app.kubernetes.io/managed-by` is not reserved: many tools set it on
 * everything they render, and nothing selects by it.
 */
const JOB_PREFIX = 'batch.kubernetes.io/';
const JOB_LABELS: ReadonlySet<string> = new Set(['controller-uid', 'job-name']);

/** Checks that no key is reserved for the operator or the Job controller. `what`: labels or annotations. */
export function validateReservedKeys(
  map: unknown,
  what: 'labels' | 'annotations',
  at: Path,
  errors: FieldErrors,
): void {
  for (const [key] of asEntries(map)) {
    const prefix = reservedPrefixOf(key);
    if (prefix !== undefined) {
      errors.push(forbidden(at.key(key), `${what} under "${prefix}" are set by the controllers`));
    } else if (isReserved(key, what)) {
      errors.push(forbidden(at.key(key), 'is set by the Job controller'));
    }
  }
}

/**
 * Whether the key is reserved for the operator or the Job controller. An annotation `job-name` is not: nothing reads
 * it.
 */
export function isReserved(key: string, what: 'labels' | 'annotations'): boolean {
  return (what === 'labels' && JOB_LABELS.has(key)) || reservedPrefixOf(key) !== undefined;
}

/**
 * The operator's keys are those of the API group and its subdomains: `batch.example.com/`,
 * `results.batch.example.com/`.
 */
function reservedPrefixOf(key: string): string | undefined {
  const slash = key.indexOf('/');
  const domain = slash === -1 ? '' : key.slice(0, slash);
  const isOperatorDomain = domain === GROUP || domain.endsWith(`.${GROUP}`);
  return isOperatorDomain || key.startsWith(JOB_PREFIX) ? `${domain}/` : undefined;
}
