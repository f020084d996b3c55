/** The files of a Pod in the node's scratch folder. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface PodFolder {
  readonly path: string;
  readonly volumes: string;
  container(name: string): string;
}

/** Named by UID, because a later Pod may have the same name. */
export function podFolder(scratch: string, uid: string): PodFolder {
  const path = join(scratch, 'pods', uid);
  return { path, volumes: join(path, 'volumes'), container: (name) => join(path, 'containers', name) };
}

/** Removes all files of the Pod, but not its persistent volumes. Never rejects. */
export async function removePodFolder(scratch: string, uid: string): Promise<void> {
  await rm(podFolder(scratch, uid).path, { recursive: true, force: true }).catch(() => undefined);
}
