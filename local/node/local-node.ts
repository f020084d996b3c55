/**
 * A virtual kubelet for trying things out: it registers a Node, takes the Pods that nobody has placed, and runs each container's
 * command as a process of this machine. Images are ignored; so are probes, lifecycle hooks, resource limits and affinity.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { NodeApi } from './api.ts';
import { assemble } from './assemble.ts';
import { startLogServer } from './log-server.ts';
import { Objects } from './object-caches.ts';
import { keyIn } from './objects.ts';
import { HEARTBEAT_MS } from './registration.ts';
import { prepareSandbox } from './sandbox.ts';

export interface LocalNode {
  readonly name: string;
  /** Ends the processes of all Pods and leaves their objects as they are: the next start marks them Failed. */
  stop(): Promise<void>;
}

export interface LocalNodeOptions {
  readonly kubeconfig: string;
  readonly name: string;
  /** A folder of the node's own. Volumes in it survive a restart of the node. */
  readonly scratch: string;
  readonly log: (line: string) => void;
}

/** The CA that the cluster's certificates come from, out of the kubeconfig. */
function clusterCa(config: KubeConfig): string {
  const cluster = config.getCurrentCluster();
  if (cluster?.caData !== undefined) return Buffer.from(cluster.caData, 'base64').toString('utf8');
  if (cluster?.caFile !== undefined) return readFileSync(cluster.caFile, 'utf8');
  throw new Error(
    'the kubeconfig names no certificate authority: the node could not tell the API server from anybody else',
  );
}

/**
 * Starts the node. Resolves when it is registered and Ready, knows all Pods, and its default storage class exists. Pods that an
 * earlier node of that name was running when it ended become Failed. The processes it starts end with this process, however it
 * ends. Rejects when the API server can't be reached or the kubeconfig not be read.
 */
export async function startLocalNode(options: LocalNodeOptions): Promise<LocalNode> {
  const { name, scratch, log } = options;
  const config = loadKubeConfig({ path: options.kubeconfig });
  const client = createApiClient(config, { userAgent: 'sequentialjob-local-node' });
  await mkdir(scratch, { recursive: true });
  const sandbox = await prepareSandbox(join(scratch, 'sandbox'));
  log('images are ignored: each command runs as a process of this machine');
  if (sandbox.base.isolation === 'none')
    log('this user may not make namespaces: Pods with volumeMounts will not start');
  const parts = assemble({
    ...options,
    api: new NodeApi(client),
    objects: new Objects(client),
    sandbox,
    now: Date.now,
  });
  const { objects, podSet } = parts;
  const server = await startLogServer(
    {
      scratch,
      now: Date.now,
      pod: (namespace, pod) => objects.pods.get(keyIn(namespace, pod)),
      live: (pod, container) => podSet.worker(pod)?.liveLog(container),
      latestRun: (pod, container) => podSet.latestRun(pod, container),
    },
    clusterCa(config),
  );
  await parts.register({ name, port: server.port, readySince: Date.now() });
  const heartbeat = setInterval(() => parts.background(parts.beat()), HEARTBEAT_MS);
  await objects.start();
  return {
    name,
    stop: async () => {
      clearInterval(heartbeat);
      parts.stopping.abort();
      await objects.stop();
      await podSet.stop();
      await server.close();
      await client.close();
    },
  };
}
