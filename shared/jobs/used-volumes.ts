/** Which volumes of a Pod its containers use. Pure, and total on whatever a client wrote. */
import type { V1Container, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { asObjects, type Untrusted } from '../json/untrusted.ts';

/** The names of the volumes that one of these containers mounts, as a folder or as a block device. */
export function usedVolumes(containers: readonly Untrusted<V1Container>[]): ReadonlySet<unknown> {
  return new Set(
    containers.flatMap(({ volumeMounts, volumeDevices }) => [
      ...asObjects<V1VolumeMount>(volumeMounts).map(({ name }) => name),
      ...asObjects<V1VolumeDevice>(volumeDevices).map(({ name }) => name),
    ]),
  );
}
