/** What a control plane needs, and what a folder has of it. */
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The programs that must lie together in one folder. kubectl is there for people and for installing manifests. */
export const BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;
export type BinaryName = (typeof BINARIES)[number];

/** A folder of the cache; its name is `<version>-<os>-<arch>`, for example `v1.36.2-linux-amd64`. */
export interface CacheEntry {
  readonly name: string;
  readonly missing: readonly BinaryName[];
}

/** Which of the programs are not there, or not executable. Never rejects. */
export async function missingFrom(folder: string): Promise<readonly BinaryName[]> {
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

/** The cache's folders; none when there is no cache yet. Never rejects. */
export async function listCache(root: string): Promise<readonly CacheEntry[]> {
  const names = await readdir(root).catch(() => []);
  return Promise.all(names.map(async (name) => ({ name, missing: await missingFrom(join(root, name)) })));
}
