/** Volume mounts and devices (pkg/apis/core/validation/validation.go ValidateVolumeMounts, ValidateVolumeDevices). */
import type { V1Container, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { invalid, notFound, required, type Faults, type Path } from './field.ts';
import { parts, text, type Untrusted } from './untrusted.ts';

/** What the check of a container's mounts needs to know: the names of the Pod's volumes. */
export type VolumeNames = ReadonlySet<string>;

interface Findings {
  readonly volumes: VolumeNames;
  /** The paths taken in this container, by a mount or a device. */
  readonly taken: Set<string>;
  readonly faults: Faults;
}

/** Checks that every mount and device names a volume of the template and has a path of its own in the container. */
export function volumeMountFaults(
  container: Untrusted<V1Container>,
  volumes: VolumeNames,
  at: Path,
  faults: Faults,
): void {
  const mounts = parts<V1VolumeMount>(container.volumeMounts);
  const devices = parts<V1VolumeDevice>(container.volumeDevices);
  if (mounts.length + devices.length === 0) {
    return;
  }
  const findings: Findings = { volumes, taken: new Set(), faults };
  mounts.forEach((mount, i) => {
    mountFaults(mount, at.child('volumeMounts').index(i), findings);
  });
  devices.forEach((device, i) => {
    const here = at.child('volumeDevices').index(i);
    volumeNameFaults(device.name, here.child('name'), findings);
    const path = pathFaults(device.devicePath, here.child('devicePath'), findings);
    if (path !== undefined && goesUp(path)) {
      faults.push(invalid(here.child('devicePath'), path, "must not contain '..'"));
    }
  });
}

function mountFaults(mount: Untrusted<V1VolumeMount>, at: Path, findings: Findings): void {
  const { faults } = findings;
  volumeNameFaults(mount.name, at.child('name'), findings);
  const path = pathFaults(mount.mountPath, at.child('mountPath'), findings);
  // The field's own documentation says so (staging/src/k8s.io/api/core/v1/types.go); runtimes refuse it, the API not.
  if (path?.includes(':')) {
    faults.push(invalid(at.child('mountPath'), path, "must not contain ':'"));
  }
  const subPath = text(mount.subPath);
  const expression = text(mount.subPathExpr);
  if (subPath !== undefined) {
    descendingFaults(subPath, at.child('subPath'), faults);
  }
  if (expression !== undefined) {
    if (subPath !== undefined) {
      const detail = 'subPathExpr and subPath are mutually exclusive';
      faults.push(invalid(at.child('subPathExpr'), expression, detail));
    }
    descendingFaults(expression, at.child('subPathExpr'), faults);
  }
}

function volumeNameFaults(value: unknown, at: Path, { volumes, faults }: Findings): void {
  const name = text(value);
  if (name === undefined) {
    faults.push(required(at));
  } else if (!volumes.has(name)) {
    faults.push(notFound(at, name));
  }
}

function pathFaults(value: unknown, at: Path, { taken, faults }: Findings): string | undefined {
  const path = text(value);
  if (path === undefined) {
    faults.push(required(at));
  } else if (taken.has(path)) {
    faults.push(invalid(at, path, 'must be unique'));
  } else {
    taken.add(path);
  }
  return path;
}

const goesUp = (path: string): boolean => path.split('/').includes('..');

function descendingFaults(path: string, at: Path, faults: Faults): void {
  if (path.startsWith('/')) {
    faults.push(invalid(at, path, 'must be a relative path'));
  }
  if (goesUp(path)) {
    faults.push(invalid(at, path, "must not contain '..'"));
  }
}
