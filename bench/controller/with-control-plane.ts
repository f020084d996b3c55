/** The control plane of the controller's benchmarks: API server and etcd, without a controller manager that would act on Jobs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { cleanUpOnSignal } from '../signal-handlers.ts';
import { buildRelease, type Release } from '../release.ts';
import { RawClient } from './raw-client.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');
/** Enough for the benchmarks' concurrent requests that complete Jobs. */
const CONNECTIONS = 16;

export interface TestControlPlane {
  readonly kubeconfig: string;
  readonly release: Release;
  /** The client of the benchmark itself. */
  readonly raw: RawClient;
  /** Creates a namespace and returns its name. */
  createNamespace(name: string): Promise<string>;
}

/** Starts a control plane, runs the work, then stops the control plane. */
export async function withControlPlane<T>(
  log: (line: string) => void,
  work: (controlPlane: TestControlPlane) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-bench-'));
  const cleanup = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const cleanUp = async (): Promise<void> => {
    for (const end of cleanup.splice(0).toReversed()) await end();
  };
  const removeCleanup = cleanUpOnSignal(cleanUp);
  try {
    const release = await buildRelease(join(folder, 'release'));
    const binaries = await resolveBinaries({ env: process.env, log });
    const state = join(folder, 'control-plane');
    const plane = await startControlPlane({ state, binaries, log, controllerManager: false });
    cleanup.push(() => plane.stop());
    await installCrds(kubectlOf(plane), CRDS);
    const raw = await RawClient.connect(plane.kubeconfig, CONNECTIONS);
    cleanup.push(() => raw.close());
    const createNamespace = async (name: string): Promise<string> => {
      const body = JSON.stringify({ metadata: { name } });
      await raw.send({ method: 'POST', path: '/api/v1/namespaces', body });
      return name;
    };
    return await work({ kubeconfig: plane.kubeconfig, release, raw, createNamespace });
  } finally {
    removeCleanup();
    await cleanUp();
  }
}
