/** Connects the node's parts: the caches notify the scheduler, the Pod manager and the volume provisioner. */
import { join } from 'node:path';
import { keyOf } from '../../shared/kube/cache.ts';
import type { NodeApi } from './api.ts';
import type { ObjectCaches } from './object-caches.ts';
import { PodManager } from './pod-manager.ts';
import { Provisioner, storageClass } from './provisioner.ts';
import { nodeLabels, nodeStatus, type NodeDescription } from './registration.ts';
import type { Sandbox } from './sandbox.ts';
import { Scheduler } from './scheduler.ts';

export interface WireOptions {
  readonly name: string;
  readonly scratch: string;
  readonly log: (line: string) => void;
  readonly api: NodeApi;
  readonly objects: ObjectCaches;
  readonly sandbox: Sandbox;
  readonly now: () => number;
}

export interface NodeParts {
  readonly objects: ObjectCaches;
  readonly podManager: PodManager;
  /** Ends retries; later errors are not logged. */
  readonly stopping: AbortController;
  /** Creates the Node (or uses an existing one of that name) and the default storage class. */
  register(description: NodeDescription): Promise<void>;
  /** Updates the Node's status, so that the node stays Ready, and reads its current labels. */
  heartbeat(): Promise<void>;
  /** Does not wait for the work; logs its error. */
  background(work: Promise<void>): void;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Creates and connects the parts. Nothing runs until the caches are started. */
export function wireNode(options: WireOptions): NodeParts {
  const { name, scratch, log, api, objects, sandbox, now } = options;
  const stopping = new AbortController();
  let labels = nodeLabels(name);
  let description: NodeDescription | undefined;
  const background: NodeParts['background'] = (work) => {
    work.catch((error: unknown) => {
      if (!stopping.signal.aborted) log(messageOf(error));
    });
  };
  const sources = {
    configMap: (namespace: string, map: string) => api.configMap(namespace, map),
    secret: (namespace: string, secret: string) => api.secret(namespace, secret),
    claimFolder: (namespace: string, claim: string) => objects.claimFolder(namespace, claim),
  };
  const podManager = new PodManager({ api, node: name, scratch, sandbox, sources, now, log, signal: stopping.signal });
  const scheduler = new Scheduler({
    api,
    node: name,
    now,
    nodeState: (pod) => ({ labels, claim: (claim) => objects.claim(pod.metadata.namespace, claim) }),
    // The deletion of the Pod may have been seen before the answer to its binding.
    onBound: (pod) => {
      const { uid, deletionTimestamp } = objects.pods.get(keyOf(pod))?.metadata ?? {};
      if (uid === pod.metadata.uid && deletionTimestamp === undefined) podManager.sync(pod);
    },
    onError: (pod, error) => log(`${keyOf(pod)} could not be scheduled: ${messageOf(error)}`),
  });
  subscribe({
    objects,
    podManager,
    scheduler,
    provisioner: new Provisioner(api, join(scratch, 'volumes')),
    background,
  });
  const heartbeat = async (): Promise<void> => {
    if (description === undefined) return;
    const answer = await api.patchNodeStatus(name, nodeStatus(description, now()));
    labels = answer.metadata.labels ?? {};
    scheduler.retryUnschedulable();
  };
  const register = async (node: NodeDescription): Promise<void> => {
    description = node;
    await api.registerNode({ metadata: { name, labels }, status: nodeStatus(node, now()) });
    await Promise.all([heartbeat(), api.createStorageClass(storageClass)]);
  };
  return { objects, podManager, stopping, register, heartbeat, background };
}

interface Subscribers extends Pick<NodeParts, 'objects' | 'podManager' | 'background'> {
  readonly scheduler: Scheduler;
  readonly provisioner: Provisioner;
}

function subscribe({ objects, podManager, scheduler, provisioner, background }: Subscribers): void {
  objects.pods.subscribe(({ type, object }) => {
    if (type === 'deleted') {
      scheduler.forget(object);
      podManager.forget(object);
    } else {
      podManager.sync(object);
      scheduler.schedulePod(object);
    }
  });
  objects.claims.subscribe(({ type, object }) => {
    if (type !== 'deleted') background(provisioner.provision(object));
    scheduler.retryUnschedulable();
  });
  objects.volumes.subscribe(({ type, object }) => {
    if (type !== 'deleted') background(provisioner.reclaim(object));
    scheduler.retryUnschedulable();
  });
}
