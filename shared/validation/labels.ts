/** Labels and annotations of the template (apimachinery pkg/apis/meta/v1/validation, pkg/api/validation/objectmeta.go). */
import { GROUP } from '../api/group.ts';
import { forbidden, invalid, tooLong, type Faults, type Path } from './field.ts';
import { labelValueProblems, qualifiedNameProblems } from './names.ts';
import { entries } from './untrusted.ts';

/**
 * What tells a sequence's Pods apart is not the user's to set: this resource's prefix, and what a Job puts on its Pods
 * (pkg/apis/batch/types.go), with the names from before Kubernetes 1.27. `app.kubernetes.io/managed-by` is not
 * reserved: many tools set it on everything they render, and nothing selects by it.
 */
const RESERVED_PREFIXES = [`${GROUP}/`, 'batch.kubernetes.io/'] as const;
const RESERVED_KEYS: ReadonlySet<string> = new Set(['controller-uid', 'job-name']);

/** The most that all annotations of an object may have (apimachinery TotalAnnotationSizeLimitB). */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Checks a map of labels or a node selector: keys and values. */
export function labelFaults(labels: unknown, at: Path, faults: Faults): void {
  for (const [key, value] of entries(labels)) {
    for (const problem of qualifiedNameProblems(key)) {
      faults.push(invalid(at, key, problem));
    }
    if (typeof value === 'string') {
      for (const problem of labelValueProblems(value)) {
        faults.push(invalid(at, value, problem));
      }
    }
  }
}

/** Checks that no label is the controller's or the Job controller's. */
export function reservedLabelFaults(labels: unknown, at: Path, faults: Faults): void {
  for (const [key] of entries(labels)) {
    const prefix = RESERVED_PREFIXES.find((reserved) => key.startsWith(reserved));
    if (prefix !== undefined) {
      faults.push(forbidden(at.key(key), `labels under "${prefix}" are set by the controllers`));
    } else if (RESERVED_KEYS.has(key)) {
      faults.push(forbidden(at.key(key), 'is set by the Job controller'));
    }
  }
}

/** Checks a map of annotations: keys, and the size of the whole. */
export function annotationFaults(annotations: unknown, at: Path, faults: Faults): void {
  let size = 0;
  for (const [key, value] of entries(annotations)) {
    faults.push(...qualifiedNameProblems(key.toLowerCase()).map((problem) => invalid(at, key, problem)));
    size += key.length + (typeof value === 'string' ? value.length : 0);
  }
  if (size > ANNOTATIONS_LIMIT) {
    faults.push(tooLong(at, ANNOTATIONS_LIMIT));
  }
}
