/** The template's volumes: their names (pkg/apis/core/validation/validation.go ValidateVolumes). Their sources are the server's to judge. */
import type { V1Volume } from '@kubernetes/client-node';
import { duplicate, invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { dnsLabelProblems } from './names.ts';
import { nonEmptyString, type Untrusted } from '../json/untrusted.ts';

export function volumeFaults(volumes: readonly Untrusted<V1Volume>[], at: Path, faults: FieldErrors): void {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const here = at.index(i).child('name');
    const name = nonEmptyString(volume.name);
    if (name === undefined) {
      faults.push(required(here));
      return;
    }
    for (const problem of dnsLabelProblems(name)) {
      faults.push(invalid(here, name, problem));
    }
    if (names.has(name)) {
      faults.push(duplicate(here, name));
    }
    names.add(name);
  });
}
