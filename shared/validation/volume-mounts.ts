/** Volume mounts and devices (pkg/apis/core/validation/validation.go ValidateVolumeMounts, ValidateVolumeDevices). */
import type { V1Container, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { invalid, notFound, required, type FieldErrors, type Path } from './field-error.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** Checks that every mount and device names a volume of the template and has a unique path in the container. */
export function validateVolumeMounts(
  container: Untrusted<V1Container>,
  volumes: ReadonlySet<string>,
  at: Path,
  errors: FieldErrors,
): void {
  const taken = new Set<string>();
  asObjects<V1VolumeMount>(container.volumeMounts).forEach(({ name, mountPath }, i) => {
    const here = at.child('volumeMounts').index(i);
    validateVolumeName(name, volumes, here.child('name'), errors);
    validateMountPath(mountPath, taken, here.child('mountPath'), errors);
  });
  asObjects<V1VolumeDevice>(container.volumeDevices).forEach(({ name, devicePath }, i) => {
    const here = at.child('volumeDevices').index(i);
    validateVolumeName(name, volumes, here.child('name'), errors);
    validateMountPath(devicePath, taken, here.child('devicePath'), errors);
  });
}

function validateVolumeName(value: unknown, volumes: ReadonlySet<string>, at: Path, errors: FieldErrors): void {
  const name = nonEmptyString(value);
  if (name === undefined) {
    errors.push(required(at));
  } else if (!volumes.has(name)) {
    errors.push(notFound(at, name));
  }
}

function validateMountPath(value: unknown, taken: Set<string>, at: Path, errors: FieldErrors): void {
  const path = nonEmptyString(value);
  if (path === undefined) {
    errors.push(required(at));
  } else if (taken.has(path)) {
    errors.push(invalid(at, path, 'must be unique'));
  } else {
    taken.add(path);
  }
}
