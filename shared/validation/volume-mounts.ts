/** Volume mounts and devices (pkg/apis/core/validation/validation.go ValidateVolumeMounts, ValidateVolumeDevices). */
import type { V1Container, V1SecurityContext, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { choiceFaults } from './choices.ts';
import { forbidden, invalid, notFound, required, type Faults, type Path } from './field.ts';
import { descendingFaults, goesUp } from './local-paths.ts';
import { part, parts, text, type Untrusted } from './untrusted.ts';

/** What the rules about a container need to know of its Pod. */
export interface PodSetting {
  /** The names of its volumes. */
  readonly volumes: ReadonlySet<string>;
  /** Of those, the claims: only they can be block devices. */
  readonly claims: ReadonlySet<string>;
  readonly isHostNetwork: boolean;
}

interface Findings {
  readonly pod: PodSetting;
  readonly isPrivileged: boolean;
  /** The paths taken in this container, by a mount or a device. */
  readonly taken: Set<string>;
  /** The volumes that are devices in this container. */
  readonly devices: Set<string>;
  readonly faults: Faults;
}

/** Checks that every mount and device names a volume of the template and has a path of its own in the container. */
export function volumeMountFaults(container: Untrusted<V1Container>, pod: PodSetting, at: Path, faults: Faults): void {
  const mounts = parts<V1VolumeMount>(container.volumeMounts);
  const devices = parts<V1VolumeDevice>(container.volumeDevices);
  if (mounts.length + devices.length === 0) {
    return;
  }
  const isPrivileged = part<V1SecurityContext>(container.securityContext)?.privileged === true;
  const findings: Findings = { pod, isPrivileged, taken: new Set(), devices: new Set(), faults };
  const volumeMounts = at.child('volumeMounts');
  mounts.forEach((mount, i) => {
    mountFaults(mount, volumeMounts.index(i), findings);
  });
  const volumeDevices = at.child('volumeDevices');
  devices.forEach((device, i) => {
    const here = volumeDevices.index(i);
    volumeNameFaults(device.name, here.child('name'), findings);
    deviceFaults(device, mounts, here.child('name'), findings);
    const path = pathFaults(device.devicePath, here.child('devicePath'), findings);
    if (path !== undefined && goesUp(path)) {
      faults.push(invalid(here.child('devicePath'), path, "must not contain '..'"));
    }
  });
}

/** A volume is a device or a directory in a container, and a device once. */
function deviceFaults(
  device: Untrusted<V1VolumeDevice>,
  mounts: readonly Untrusted<V1VolumeMount>[],
  at: Path,
  { pod: { volumes, claims }, devices, faults }: Findings,
): void {
  const name = text(device.name);
  if (name === undefined) {
    return;
  }
  if (devices.has(name)) {
    faults.push(invalid(at, name, 'must be unique'));
  }
  devices.add(name);
  if (mounts.some((mount) => mount.name === name)) {
    faults.push(invalid(at, name, 'must not already exist in volumeMounts'));
  }
  if (volumes.has(name) && !claims.has(name)) {
    const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
    faults.push(invalid(at, name, detail));
  }
}

function mountFaults(mount: Untrusted<V1VolumeMount>, at: Path, findings: Findings): void {
  const { faults } = findings;
  volumeNameFaults(mount.name, at.child('name'), findings);
  const path = pathFaults(mount.mountPath, at.child('mountPath'), findings);
  // The field's own documentation says so (staging/src/k8s.io/api/core/v1/types.go); runtimes refuse it, the API not.
  if (path?.includes(':')) {
    faults.push(invalid(at.child('mountPath'), path, "must not contain ':'"));
  }
  if (mount.mountPropagation === 'Bidirectional' && !findings.isPrivileged) {
    const detail = 'Bidirectional mount propagation is available only to privileged containers';
    faults.push(forbidden(at.child('mountPropagation'), detail));
  }
  recursiveFaults(mount, at.child('recursiveReadOnly'), faults);
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

/** From 1.30 on; an older server drops the field. */
function recursiveFaults(mount: Untrusted<V1VolumeMount>, at: Path, faults: Faults): void {
  const wish = text(mount.recursiveReadOnly);
  if (wish === undefined || wish === 'Disabled') {
    return;
  }
  choiceFaults(wish, ['Disabled', 'Enabled', 'IfPossible'], at, faults);
  if (mount.readOnly !== true) {
    faults.push(forbidden(at, 'may only be specified when readOnly is true'));
  }
  const propagation = text(mount.mountPropagation);
  if (propagation !== undefined && propagation !== 'None') {
    faults.push(forbidden(at, 'may only be specified when mountPropagation is None or not specified'));
  }
}

function volumeNameFaults(value: unknown, at: Path, { pod: { volumes }, faults }: Findings): void {
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
