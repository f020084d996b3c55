/** Provisions a volume for each claim of the default storage class: a folder in the node's scratch folder. */
import { mkdir, chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeApi } from './api.ts';
import type { Claim, PersistentVolume } from './objects.ts';

export const STORAGE_CLASS = 'local';
const PROVISIONER = 'sequentialjob.local/folder';

/** The default storage class. */
export const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
};

/** Whether the claim waits for a volume of this provisioner. A claim older than the storage class names no class. */
export function needsVolume(claim: Claim): boolean {
  const { storageClassName = '', volumeName = '', selector } = claim.spec;
  const open = claim.metadata.deletionTimestamp === undefined && claim.status?.phase !== 'Bound' && volumeName === '';
  return open && selector === undefined && ['', STORAGE_CLASS].includes(storageClassName);
}

/** The volume for a claim, with `claimRef` set. Its name is derived from the claim's UID, so a second one cannot be created. */
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
      // This provisioner removes the folder: the controller manager's recycler deletes only hostPaths below /tmp.
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
  readonly #inFlight = new Set<string>();

  /** `root` is the parent folder of the volumes. */
  constructor(api: NodeApi, root: string) {
    this.#api = api;
    this.#root = root;
  }

  /** Creates a volume for the claim if it needs one. Idempotent. Rejects if the API server does. */
  async provision(claim: Claim): Promise<void> {
    if (!needsVolume(claim)) return;
    await this.#unlessRunning(claim.metadata.uid, async () => {
      const folder = join(this.#root, volumeName(claim));
      await mkdir(folder, { recursive: true });
      await chmod(folder, 0o777);
      await this.#api.createVolume(volumeFor(claim, folder));
    });
  }

  /** Deletes a volume of this provisioner and its folder if the volume is Released. */
  async reclaim(volume: PersistentVolume): Promise<void> {
    const path = volume.spec.hostPath?.path;
    const ours = path !== undefined && path.startsWith(join(this.#root, 'pvc-'));
    if (!ours || volume.status?.phase !== 'Released' || volume.metadata.deletionTimestamp !== undefined) return;
    await this.#unlessRunning(volume.metadata.uid, async () => {
      await rm(path, { recursive: true, force: true });
      await this.#api.deleteVolume(volume);
    });
  }

  async #unlessRunning(key: string, work: () => Promise<void>): Promise<void> {
    if (this.#inFlight.has(key)) return;
    this.#inFlight.add(key);
    try {
      await work();
    } finally {
      this.#inFlight.delete(key);
    }
  }
}
