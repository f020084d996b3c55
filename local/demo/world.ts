/** Everything that the demo starts, and how it ends again: in reverse order, whatever had been reached. */
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { resolveBinaries } from '../binaries/resolve.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { startLocalNode } from '../node/local-node.ts';
import { startOperator, type LocalOperator } from '../operator.ts';
import { recordProcess, release, takeOver } from '../processes/record.ts';
import { installCrds } from '../control-plane/install-crds.ts';
import { installWebhooks } from '../control-plane/install-webhooks.ts';
import { kubectlOf, type Kubectl } from '../control-plane/kubectl.ts';
import { startNarrator, type Narrator } from './narrator.ts';
import type { Screen } from './screen.ts';

/** The operator may take 20 s to finish what is in flight; here it has nothing that would last. */
const OPERATOR_STOP_MS = 5_000;

export interface World {
  /** The folder of the control plane's programs. */
  readonly binaries: string;
  readonly kubectl: Kubectl;
  readonly operator: LocalOperator;
  readonly narrator: Narrator;
}

/** What has been started, to be undone last first. */
export class Undo {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  /** Undoes everything; one failure does not keep the rest. Never rejects. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await step().catch(() => undefined);
  }
}

/** Starts control plane, node, resource, operator and webhook below `root`'s folder `.demo`. What is started is added to `undo` at once. */
export async function startWorld(root: string, screen: Screen, undo: Undo): Promise<World> {
  const folder = join(root, '.demo');
  const processes = join(folder, 'processes');
  const kubeconfig = join(folder, 'kubeconfig');
  await mkdir(folder, { recursive: true });
  await takeOver(processes, (line) => screen.line('cleaning up', line, 'quiet'));
  undo.add(() => release(processes));
  await rm(join(folder, 'node'), { recursive: true, force: true }); // the data of a control plane that is gone

  const binaries = await resolveBinaries({ env: process.env, log: (line) => screen.line('Kubernetes', line, 'quiet') });
  const quiet = (line: string): void => screen.line('control plane', line, 'quiet');
  const plane = await startControlPlane({ state: join(folder, 'control-plane'), binaries, kubeconfig, log: quiet });
  undo.add(() => plane.stop());
  screen.line('control plane', `Kubernetes ${plane.version} at ${plane.url}`);

  const note = (line: string): void => screen.line('node', line, 'quiet');
  const node = await startLocalNode({ kubeconfig, name: 'local', scratch: join(folder, 'node'), log: note });
  undo.add(() => node.stop());
  screen.line('node', `${node.name} is ready`);

  const kubectl = kubectlOf(plane);
  await installCrds(kubectl, join(root, 'config/crd'));
  screen.line('resource', 'sequentialjobs.batch.example.com is installed');

  const client = createApiClient(loadKubeConfig({ path: kubeconfig }), { userAgent: 'sequentialjob-demo' });
  const narrator = startNarrator(client, kubectl, screen);
  undo.add(async () => {
    await narrator.stop();
    await client.close();
  });
  const state = join(folder, 'operator');
  await rm(state, { recursive: true, force: true });
  const operator = await startOperator({ state, kubeconfig, role: 'all', logFormat: 'pretty' });
  await recordProcess(processes, 'operator', operator.child.pid);
  undo.add(() => operator.child.stop(OPERATOR_STOP_MS));
  await operator.ready();
  screen.line('operator', `is ready, its log is ${relative(root, operator.logFile)}`);

  // Not before: from here on nothing can be created without it.
  const manifests = join(root, 'config/webhook');
  await installWebhooks(kubectl, { manifests, target: operator, scratch: state, namespace: 'default' });
  screen.line('webhook', `is asked about every SequentialJob, at ${operator.url}`);
  return { binaries, kubectl, operator, narrator };
}
