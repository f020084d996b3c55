/** Where a Pod's things lie below the node's scratch folder. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface PodFolder {
  readonly path: string;
  readonly volumes: string;
  container(name: string): string;
}

/** By UID: a Pod of the same name that comes later is another Pod. */
export function podFolder(scratch: string, uid: string): PodFolder {
  const path = join(scratch, 'pods', uid);
  return { path, volumes: join(path, 'volumes'), container: (name) => join(path, 'containers', name) };
}

/** Removes everything of the Pod but what its claims hold. Never rejects. */
export async function removePodFolder(scratch: string, uid: string): Promise<void> {
  await rm(podFolder(scratch, uid).path, { recursive: true, force: true }).catch(() => undefined);
}
