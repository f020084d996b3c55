/** A control plane of one suite, which it may stop, slow down and start again. There is no webhook. */
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { startLocalNode } from '../../local/node/local-node.ts';
import { ROOT } from './manifests.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface Options extends Pick<ControlPlaneOptions, 'controllerManager' | 'apiServerFlags'> {
  /** Whether there is a node for Pods; default true. */
  readonly node?: boolean;
}

const log = (): void => undefined;

/** Call it where `beforeAll` may stand, before whatever needs it. */
export function dedicatedControlPlane({ node = true, ...options }: Options = {}): { readonly plane: ControlPlane } {
  let plane: ControlPlane;
  const undo: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const binaries = await resolveBinaries({ env: process.env, log });
    plane = await startControlPlane({ ...options, state: join(folder, 'control-plane'), binaries, log });
    undo.push(() => plane.stop());
    if (node) {
      const scratch = join(folder, 'node');
      const started = await startLocalNode({ kubeconfig: plane.kubeconfig, name: 'own', scratch, log });
      undo.push(() => started.stop());
    }
    await installCrds(kubectlOf(plane), join(ROOT, 'config/crd'));
  }, 180_000);

  afterAll(async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  });

  const folder = temporaryFolder();
  return {
    get plane() {
      return plane;
    },
  };
}
