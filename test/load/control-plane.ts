/** A control plane of the load tests' own: nobody but the operator and the test acts on Jobs. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RawClient } from '../../bench/controller/raw-client.ts';
import { resolveBinaries } from '../../local/binaries/resolve.ts';
import { startControlPlane } from '../../local/control-plane/control-plane.ts';
import { installCrds } from '../../local/control-plane/install-crds.ts';
import { kubectlOf } from '../../local/control-plane/kubectl.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { parseMetrics } from '../support/metrics.ts';
import { total } from '../support/metrics.ts';

const CRDS = join(import.meta.dirname, '../../config/crd');

export interface LoadControlPlane {
  readonly kubeconfig: string;
  /** A client with a connection pool of its own; closed at the end. */
  connect(): ApiClient;
  /** How many requests the API server has answered so, since its start. */
  answered(): Promise<(labels: Readonly<Record<string, string>>) => number>;
  end(): Promise<void>;
}

/** Without a controller manager: no Pods, no garbage collection. Without a webhook: sequences bring their finalizer. */
export async function startLoadControlPlane(): Promise<LoadControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), 'sequentialjob-load-'));
  const undo = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const end = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  const log = (): void => undefined;
  try {
    const binaries = await resolveBinaries({ env: process.env, log });
    const plane = await startControlPlane({ state: join(folder, 'plane'), binaries, log, controllerManager: false });
    undo.push(() => plane.stop());
    await installCrds(kubectlOf(plane), CRDS);
    const raw = await RawClient.connect(plane.kubeconfig, 1);
    undo.push(() => raw.close());
    return {
      kubeconfig: plane.kubeconfig,
      connect: () => {
        const client = createApiClient(loadKubeConfig({ path: plane.kubeconfig }), { userAgent: 'load-test' });
        undo.push(() => client.close());
        return client;
      },
      answered: async () => {
        const families = parseMetrics(requestsOf(await raw.send({ method: 'GET', path: '/metrics' })));
        return (labels) => total(families, 'apiserver_request_total', labels);
      },
      end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Only the metric that is asked for: an old API server has others whose names overlap. */
function requestsOf(metrics: string): string {
  return metrics
    .split('\n')
    .filter((line) => /^(# \w+ )?apiserver_request_total\b/.test(line))
    .join('\n');
}
