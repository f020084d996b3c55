/** The template's volumes (pkg/apis/core/validation/validation.go ValidateVolumes). */
import type {
  V1ConfigMapVolumeSource,
  V1HostPathVolumeSource,
  V1PersistentVolumeClaimVolumeSource,
  V1SecretVolumeSource,
  V1Volume,
} from '@kubernetes/client-node';
import { duplicate, forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { dnsLabelProblems } from './names.ts';
import { entries, part, text, type Untrusted } from './untrusted.ts';

/** Checks names, that a volume has at most one source (none is an emptyDir), and the most used sources. */
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
  requireText(part<V1ConfigMapVolumeSource>(volume.configMap), 'name', at.child('configMap'), faults);
  requireText(part<V1SecretVolumeSource>(volume.secret), 'secretName', at.child('secret'), faults);
  const claim = part<V1PersistentVolumeClaimVolumeSource>(volume.persistentVolumeClaim);
  requireText(claim, 'claimName', at.child('persistentVolumeClaim'), faults);
  const hostPath = part<V1HostPathVolumeSource>(volume.hostPath);
  requireText(hostPath, 'path', at.child('hostPath'), faults);
  const path = text(hostPath?.path);
  if (path?.split('/').includes('..')) {
    faults.push(invalid(at.child('hostPath').child('path'), path, "must not contain '..'"));
  }
}

function requireText<K extends string>(
  source: { readonly [P in K]?: unknown } | undefined,
  name: K,
  at: Path,
  faults: Faults,
): void {
  if (source !== undefined && text(source[name]) === undefined) {
    faults.push(required(at.child(name)));
  }
}
