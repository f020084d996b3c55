/** Starts everything that the demo needs, and stops what was started in reverse order. */
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { resolveBinaries } from '../binaries/resolve.ts';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { startLocalNode } from '../node/local-node.ts';
import { startOperator, type LocalOperator } from '../operator.ts';
import { recordProcess, releaseOwnership, takeOwnership } from '../processes/process-records.ts';
import { installCrds } from '../control-plane/install-crds.ts';
import { installWebhooks } from '../control-plane/install-webhooks.ts';
import { kubectlOf, type Kubectl } from '../control-plane/kubectl.ts';
import { startProgressReporter, type ProgressReporter } from './progress-reporter.ts';
import type { DemoOutput } from './output.ts';

/** The operator's shutdown may take 20 s; in the demo no request takes long. */
const OPERATOR_STOP_MS = 5_000;

export interface DemoEnvironment {
  /** The folder of the control plane's binaries. */
  readonly binaries: string;
  readonly kubectl: Kubectl;
  readonly operator: LocalOperator;
  readonly progress: ProgressReporter;
}

/** Cleanup functions, run in reverse order. */
export class CleanupStack {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  /** Runs all cleanup functions, also after one has failed. Never rejects. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await step().catch(() => undefined);
  }
}

/**
 * Starts the control plane, the node, the operator and its webhook, with their files in `.demo` below `root`, and installs
 * the CRD. Adds the cleanup of each part as soon as the part has started.
 */
export async function startDemoEnvironment(
  root: string,
  output: DemoOutput,
  cleanup: CleanupStack,
): Promise<DemoEnvironment> {
  const folder = join(root, '.demo');
  const processes = join(folder, 'processes');
  const kubeconfig = join(folder, 'kubeconfig');
  await mkdir(folder, { recursive: true });
  await takeOwnership(processes, (line) => output.line('cleaning up', line, 'quiet'));
  cleanup.add(() => releaseOwnership(processes));
  await rm(join(folder, 'node'), { recursive: true, force: true }); // belongs to an earlier control plane, which no longer exists

  const binaries = await resolveBinaries({ env: process.env, log: (line) => output.line('Kubernetes', line, 'quiet') });
  const quiet = (line: string): void => output.line('control plane', line, 'quiet');
  const plane = await startControlPlane({ state: join(folder, 'control-plane'), binaries, kubeconfig, log: quiet });
  cleanup.add(() => plane.stop());
  output.line('control plane', `Kubernetes ${plane.version} at ${plane.url}`);

  const note = (line: string): void => output.line('node', line, 'quiet');
  const node = await startLocalNode({ kubeconfig, name: 'local', scratch: join(folder, 'node'), log: note });
  cleanup.add(() => node.stop());
  output.line('node', `${node.name} is ready`);

  const kubectl = kubectlOf(plane);
  await installCrds(kubectl, join(root, 'config/crd'));
  output.line('CRD', 'sequentialjobs.batch.example.com is installed');

  const client = createApiClient(loadKubeConfig({ path: kubeconfig }), { userAgent: 'sequentialjob-demo' });
  const progress = startProgressReporter(client, kubectl, output);
  cleanup.add(async () => {
    await progress.stop();
    await client.close();
  });
  const state = join(folder, 'operator');
  await rm(state, { recursive: true, force: true });
  const operator = await startOperator({ state, kubeconfig, role: 'all', logFormat: 'pretty' });
  await recordProcess(processes, 'operator', operator.child.pid);
  cleanup.add(() => operator.child.stop(OPERATOR_STOP_MS));
  await operator.ready();
  output.line('operator', `ready; log file: ${relative(root, operator.logFile)}`);

  // Only when the webhook serves: from here on the API server rejects every SequentialJob if the webhook does not answer.
  const manifests = join(root, 'config/webhook');
  await installWebhooks(kubectl, { manifests, target: operator, scratch: state, namespace: 'default', converts: true });
  output.line('webhook', `the API server calls it for every SequentialJob, at ${operator.url}`);
  return { binaries, kubectl, operator, progress };
}
