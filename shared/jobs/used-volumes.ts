/** The volumes and resource claims of a Pod that its containers use. Pure; accepts untrusted values. */
import type { V1Container, V1ResourceRequirements, V1VolumeDevice, V1VolumeMount } from '@kubernetes/client-node';
import { asObject, asObjects, type Untrusted } from '../json/untrusted.ts';

/** The names of the volumes that these containers mount, as a file system or as a block device. */
export function usedVolumes(containers: readonly Untrusted<V1Container>[]): ReadonlySet<unknown> {
  return new Set(
    containers.flatMap(({ volumeMounts, volumeDevices }) => [
      ...asObjects<V1VolumeMount>(volumeMounts).map(({ name }) => name),
      ...asObjects<V1VolumeDevice>(volumeDevices).map(({ name }) => name),
    ]),
  );
}

/** The names of the Pod's resource claims that these containers use. */
export const usedClaims = (containers: readonly Untrusted<V1Container>[]): ReadonlySet<unknown> =>
  new Set(
    containers.flatMap(({ resources }) =>
      asObjects<{ name: string }>(asObject<V1ResourceRequirements>(resources)?.claims).map(({ name }) => name),
    ),
  );
