/** Gives every claim of the default storage class a volume: a folder of the node's scratch space. */
import { mkdir, chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeApi } from './api.ts';
import type { Claim, PersistentVolume } from './objects.ts';

export const STORAGE_CLASS = 'local';
const PROVISIONER = 'sequentialjob.local/folder';

/** The storage class that a claim gets which names none. */
export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
};

/** Whether the claim waits for a volume of ours. A claim from before the class existed names none at all. */
export function needsVolume(claim: Claim): boolean {
  const { storageClassName = '', volumeName = '', selector } = claim.spec;
  const open = claim.metadata.deletionTimestamp === undefined && claim.status?.phase !== 'Bound' && volumeName === '';
  return open && selector === undefined && ['', STORAGE_CLASS].includes(storageClassName);
}

/** The volume for a claim, bound to it from the start. Its name follows from the claim, so that there is never a second one. */
export function volumeFor(claim: Claim, folder: string): object {
  const { name, namespace, uid } = claim.metadata;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(claim), annotations: { 'pv.kubernetes.io/provisioned-by': PROVISIONER } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '1Gi' },
      accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
      storageClassName: claim.spec.storageClassName ?? '',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      // We remove the folder ourselves: the controller manager would do so for folders below /tmp only.
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: folder },
    },
  };
}

function volumeName(claim: Claim): string {
  return `pvc-${claim.metadata.uid}`;
}

export class Provisioner {
  readonly #api: NodeApi;
  readonly #root: string;
  readonly #busy = new Set<string>();

  /** `root` holds the folders of the volumes. */
  constructor(api: NodeApi, root: string) {
    this.#api = api;
    this.#root = root;
  }

  /** Makes the claim's volume if it waits for one. Rejects when the API does; running it again is harmless. */
  async consider(claim: Claim): Promise<void> {
    if (!needsVolume(claim)) return;
    await this.#alone(claim.metadata.uid, async () => {
      const folder = join(this.#root, volumeName(claim));
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o777);
      await this.#api.createVolume(volumeFor(claim, folder));
    });
  }

  /** Removes a volume of ours, folder and all, once its claim is gone. */
  async reclaim(volume: PersistentVolume): Promise<void> {
    const path = volume.spec.hostPath?.path;
    const ours = path !== undefined && path.startsWith(join(this.#root, 'pvc-'));
    if (!ours || volume.status?.phase !== 'Released' || volume.metadata.deletionTimestamp !== undefined) return;
    await this.#alone(volume.metadata.uid, async () => {
      await rm(path, { recursive: true, force: true });
      await this.#api.deleteVolume(volume);
    });
  }

  async #alone(key: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    try {
      await work();
    } finally {
      this.#busy.delete(key);
    }
  }
}
