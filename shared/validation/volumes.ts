/** The template's volumes (pkg/apis/core/validation/validation.go ValidateVolumes). */
import type { V1Volume } from '@kubernetes/client-node';
import { duplicate, forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { dnsLabelProblems } from './names.ts';
import { entries, part, text, type Untrusted } from './untrusted.ts';
import { claimTemplateFaults } from './volume-claims.ts';
import { driverFaults } from './volume-drivers.ts';
import { fileVolumeFaults } from './volume-files.ts';

/** Checks names, that a volume has at most one source (none is an emptyDir), and the sources. */
export function volumeFaults(volumes: readonly Untrusted<V1Volume>[], at: Path, faults: Faults): void {
  const names = new Set<string>();
  volumes.forEach((volume, i) => {
    const here = at.index(i);
    const name = text(volume.name);
    if (name === undefined) {
      faults.push(required(here.child('name')));
    } else {
      for (const problem of dnsLabelProblems(name)) {
        faults.push(invalid(here.child('name'), name, problem));
      }
      if (names.has(name)) {
        faults.push(duplicate(here.child('name'), name));
      }
      names.add(name);
    }
    sourceFaults(volume, here, faults);
  });
}

function sourceFaults(volume: Untrusted<V1Volume>, at: Path, faults: Faults): void {
  const sources = entries(volume).filter(([, source]) => part(source) !== undefined);
  for (const [name] of sources.slice(1)) {
    faults.push(forbidden(at.child(name), 'may not specify more than 1 volume type'));
  }
  driverFaults(volume, at, faults);
  fileVolumeFaults(volume, at, faults);
  claimTemplateFaults(volume, at, faults);
}
