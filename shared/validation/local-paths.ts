/** Paths inside a volume or a container (pkg/apis/core/validation/validation.go validateLocalDescendingPath and its kin). */
import { invalid, type Faults, type Path } from './field.ts';

/** Whether a path has a step back. */
export const goesUp = (path: string): boolean => path.split('/').includes('..');

/** Checks that a path stays below where it starts. */
export function descendingFaults(path: string, at: Path, faults: Faults): void {
  if (path.startsWith('/')) {
    faults.push(invalid(at, path, 'must be a relative path'));
  }
  if (goesUp(path)) {
    faults.push(invalid(at, path, "must not contain '..'"));
  }
}

/** The same for a file in a volume that the kubelet swaps as a whole: it keeps names with two dots for itself. */
export function fileFaults(path: string, at: Path, faults: Faults): void {
  descendingFaults(path, at, faults);
  if (path.startsWith('..') && !goesUp(path)) {
    faults.push(invalid(at, path, "must not start with '..'"));
  }
}
