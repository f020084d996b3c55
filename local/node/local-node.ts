/**
 * A virtual kubelet and scheduler for the demo and the tests: it registers a Node, binds Pods to it, and runs each
 * container's command as a process of this machine. It ignores images, probes, lifecycle hooks, resource limits and affinity.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { NodeApi } from './api.ts';
import { wireNode } from './wire.ts';
import { startLogServer } from './log-server.ts';
import { ObjectCaches } from './object-caches.ts';
import { keyIn } from './objects.ts';
import { HEARTBEAT_MS } from './registration.ts';
import { prepareSandbox } from './sandbox.ts';

export interface LocalNode {
  readonly name: string;
  /** Kills the processes of all Pods and does not update the Pods: the next start marks them Failed. */
  stop(): Promise<void>;
}

export interface LocalNodeOptions {
  readonly kubeconfig: string;
  readonly name: string;
  /** A folder for this node only. Volumes in it survive a restart of the node. */
  readonly scratch: string;
  readonly log: (line: string) => void;
}

/** The cluster's CA, from the kubeconfig. */
function clusterCa(config: KubeConfig): string {
  const cluster = config.getCurrentCluster();
  if (cluster?.caData !== undefined) return Buffer.from(cluster.caData, 'base64').toString('utf8');
  if (cluster?.caFile !== undefined) return readFileSync(cluster.caFile, 'utf8');
  throw new Error('the kubeconfig has no certificate authority: the node needs it to authenticate the API server');
}

/**
 * Starts the node. Resolves when the Node is Ready, the caches are synced and the default storage class exists. Marks Pods
 * Failed that ran on an earlier node of that name. The containers' processes die when this process exits or is killed.
 * Rejects if the kubeconfig cannot be read or the API server cannot be reached.
 */
export async function startLocalNode(options: LocalNodeOptions): Promise<LocalNode> {
  const { name, scratch, log } = options;
  const config = loadKubeConfig({ path: options.kubeconfig });
  const client = createApiClient(config, { userAgent: 'sequentialjob-local-node' });
  await mkdir(scratch, { recursive: true });
  const sandbox = await prepareSandbox(join(scratch, 'sandbox'));
  log('images are ignored: each command runs as a process of this machine');
  if (sandbox.base.isolation === 'none')
    log('this user may not create Linux namespaces: Pods with volumeMounts will not start');
  const parts = wireNode({
    ...options,
    api: new NodeApi(client),
    objects: new ObjectCaches(client),
    sandbox,
    now: Date.now,
  });
  const { objects, podManager } = parts;
  const server = await startLogServer(
    {
      scratch,
      now: Date.now,
      pod: (namespace, pod) => objects.pods.get(keyIn(namespace, pod)),
      liveLog: (pod, container) => podManager.worker(pod)?.liveLog(container),
      latestRun: (pod, container) => podManager.latestRun(pod, container),
    },
    clusterCa(config),
  );
  await parts.register({ name, port: server.port, readySince: Date.now() });
  const heartbeat = setInterval(() => parts.background(parts.heartbeat()), HEARTBEAT_MS);
  await objects.start();
  return {
    name,
    stop: async () => {
      clearInterval(heartbeat);
      parts.stopping.abort();
      await objects.stop();
      await podManager.stop();
      await server.close();
      await client.close();
    },
  };
}
