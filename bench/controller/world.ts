/** Where the controller is measured: a real API server and etcd, and nobody else who would act on Jobs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { whenInterrupted } from '../interruption.ts';
import { buildRelease, type Release } from '../release.ts';
import { RawClient } from './raw-client.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');
/** Enough to complete as many Jobs at once as anything here makes. */
const CONNECTIONS = 16;

export interface World {
  readonly kubeconfig: string;
  readonly release: Release;
  /** Of who looks on. */
  readonly raw: RawClient;
  /** Makes a namespace. */
  namespace(name: string): Promise<string>;
}

/** Starts it, does the work in it, and ends it, however the work ends. */
export async function inWorld<T>(log: (line: string) => void, work: (world: World) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const undo = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const undoAll = async (): Promise<void> => {
    for (const end of undo.splice(0).toReversed()) await end();
  };
  const forget = whenInterrupted(undoAll);
  try {
    const release = await buildRelease(join(folder, 'release'));
    const binaries = await resolveBinaries({ env: process.env, log });
    const state = join(folder, 'control-plane');
    const plane = await startControlPlane({ state, binaries, log, controllerManager: false });
    undo.push(() => plane.stop());
    await installCrds(kubectlOf(plane), CRDS);
    const raw = await RawClient.connect(plane.kubeconfig, CONNECTIONS);
    undo.push(() => raw.close());
    const namespace = async (name: string): Promise<string> => {
      const body = JSON.stringify({ metadata: { name } });
      await raw.send({ method: 'POST', path: '/api/v1/namespaces', body });
      return name;
    };
    return await work({ kubeconfig: plane.kubeconfig, release, raw, namespace });
  } finally {
    forget();
    await undoAll();
  }
}
