/** The cluster of the integration tests: control plane, virtual node and webhook on this machine, for the whole test run. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { startLocalNode } from '../../local/node/local-node.ts';
import { SHARED } from './admission.ts';
import { startWebhook } from './webhook.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');
/** What of it is in flight at the end matters to nobody. */
const WEBHOOK_STOP_MS = 1_000;
const HANDED_OVER = 'SEQUENTIALJOB_TEST_KUBECONFIG';

/** What has been started, to be ended last first. Setup and teardown run in the same process. */
const undo: (() => Promise<void>)[] = [];

const log = (line: string): void => void process.stderr.write(`${line}\n`);

/**
 * Starts the cluster and tells the tests of it in their environment: its kubeconfig, and the folder of kubectl. A kubeconfig
 * that is set already names the cluster to use; then nothing is started.
 */
export async function startLocalCluster(): Promise<void> {
  if (process.env[HANDED_OVER] !== undefined) return;
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-tests-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const binaries = await resolveBinaries({ env: process.env, log });
    const plane = await startControlPlane({ state: join(folder, 'control-plane'), binaries, log });
    undo.push(() => plane.stop());
    const quiet = (): void => undefined; // the node's remarks on Pods are part of what the tests provoke
    const node = await startLocalNode({
      kubeconfig: plane.kubeconfig,
      name: 'local',
      scratch: join(folder, 'node'),
      log: quiet,
    });
    undo.push(() => node.stop());
    await installCrds(kubectlOf(plane), CRDS);
    const webhook = await startWebhook(kubectlOf(plane), {
      state: join(folder, 'webhook'),
      kubeconfig: plane.kubeconfig,
      namespace: 'default',
      namespaceSelector: SHARED,
      converts: true,
    });
    undo.push(() => webhook.stop(WEBHOOK_STOP_MS));
    process.env[HANDED_OVER] = plane.kubeconfig;
    process.env['KUBEBUILDER_ASSETS'] = binaries;
  } catch (error) {
    await stopLocalCluster();
    throw error;
  }
}

/** Ends what was started; harmless when nothing was. */
export async function stopLocalCluster(): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}
