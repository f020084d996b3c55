/** Volume mounts and devices (pkg/apis/core/validation/validation.go ValidateVolumeMounts, ValidateVolumeDevices). */
import type { V1Container, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { invalid, notFound, required, type FieldErrors, type Path } from './field-error.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** Checks that every mount and device names a volume of the template and has a path of its own in the container. */
export function volumeMountFaults(
  container: Untrusted<V1Container>,
  volumes: ReadonlySet<string>,
  at: Path,
  faults: FieldErrors,
): void {
  const taken = new Set<string>();
  asObjects<V1VolumeMount>(container.volumeMounts).forEach(({ name, mountPath }, i) => {
    const here = at.child('volumeMounts').index(i);
    nameFaults(name, volumes, here.child('name'), faults);
    pathFaults(mountPath, taken, here.child('mountPath'), faults);
  });
  asObjects<V1VolumeDevice>(container.volumeDevices).forEach(({ name, devicePath }, i) => {
    const here = at.child('volumeDevices').index(i);
    nameFaults(name, volumes, here.child('name'), faults);
    pathFaults(devicePath, taken, here.child('devicePath'), faults);
  });
}

function nameFaults(value: unknown, volumes: ReadonlySet<string>, at: Path, faults: FieldErrors): void {
  const name = nonEmptyString(value);
  if (name === undefined) {
    faults.push(required(at));
  } else if (!volumes.has(name)) {
    faults.push(notFound(at, name));
  }
}

function pathFaults(value: unknown, taken: Set<string>, at: Path, faults: FieldErrors): void {
  const path = nonEmptyString(value);
  if (path === undefined) {
    faults.push(required(at));
  } else if (taken.has(path)) {
    faults.push(invalid(at, path, 'must be unique'));
  } else {
    taken.add(path);
  }
}
