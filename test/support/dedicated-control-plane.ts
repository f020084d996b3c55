/** A control plane and a node of one suite's own, which it may stop, starve and start again. Without a webhook. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { type ControlPlane, startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { startLocalNode } from '../../local/node/local-node.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');
const quiet = (): void => undefined;

/** Call it where `beforeAll` may stand, before whatever needs it. */
export function dedicatedControlPlane(): { readonly plane: ControlPlane } {
  let plane: ControlPlane;
  const undo: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-plane-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const binaries = await resolveBinaries({ env: process.env, log: quiet });
    plane = await startControlPlane({ state: join(folder, 'control-plane'), binaries, log: quiet });
    undo.push(() => plane.stop());
    const scratch = join(folder, 'node');
    const node = await startLocalNode({ kubeconfig: plane.kubeconfig, name: 'own', scratch, log: quiet });
    undo.push(() => node.stop());
    await installCrds(kubectlOf(plane), CRDS);
  }, 180_000);

  afterAll(async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  }, 60_000);

  return {
    get plane() {
      return plane;
    },
  };
}
