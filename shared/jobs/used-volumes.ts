/** The volumes of a Pod that its containers use. Pure; accepts untrusted values. */
import type { V1Container, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { asObjects, type Untrusted } from '../json/untrusted.ts';

/** The names of the volumes that these containers mount, as a file system or as a block device. */
export function usedVolumes(containers: readonly Untrusted<V1Container>[]): ReadonlySet<unknown> {
  return new Set(
    containers.flatMap(({ volumeMounts, volumeDevices }) => [
      ...asObjects<V1VolumeMount>(volumeMounts).map(({ name }) => name),
      ...asObjects<V1VolumeDevice>(volumeDevices).map(({ name }) => name),
    ]),
  );
}
