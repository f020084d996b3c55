/** The binaries of a control plane, and which of them a folder contains. */
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The binaries that must be in one folder. kubectl installs manifests, and is for the user. */
export const BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;
export type BinaryName = (typeof BINARIES)[number];

/** A folder of the cache; its name is `<version>-<os>-<arch>`, for example `v1.36.2-linux-amd64`. */
export interface CacheEntry {
  readonly name: string;
  readonly missing: readonly BinaryName[];
}

/** The binaries that are missing or not executable. Never rejects. */
export async function missingBinaries(folder: string): Promise<readonly BinaryName[]> {
  const checks = await Promise.all(
    BINARIES.map((name) =>
      access(join(folder, name), constants.X_OK).then(
        () => undefined,
        () => name,
      ),
    ),
  );
  return checks.filter((name) => name !== undefined);
}

/** The cache's folders; empty if there is no cache yet. Never rejects. */
export async function listCache(root: string): Promise<readonly CacheEntry[]> {
  const names = await readdir(root).catch(() => []);
  return Promise.all(names.map(async (name) => ({ name, missing: await missingBinaries(join(root, name)) })));
}
