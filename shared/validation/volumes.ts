/**
 * The names of the template's volumes (pkg/apis/core/validation/validation.go ValidateVolumes). The API server
 * validates their sources.
 */
import type { V1Volume } from '@kubernetes/client-node';
import { duplicate, invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { dnsLabelProblems } from './names.ts';
import { nonEmptyString, type Untrusted } from '../json/untrusted.ts';

export function validateVolumes(volumes: readonly Untrusted<V1Volume>[], at: Path, errors: FieldErrors): void {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const here = at.index(i).child('name');
    const name = nonEmptyString(volume.name);
    if (name === undefined) {
      errors.push(required(here));
      return;
    }
    for (const problem of dnsLabelProblems(name)) {
      errors.push(invalid(here, name, problem));
    }
    if (names.has(name)) {
      errors.push(duplicate(here, name));
    }
    names.add(name);
  });
}
