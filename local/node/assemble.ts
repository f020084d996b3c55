/** Connects the node's parts: what the caches tell goes to the scheduler, the Pods' workers and the volume provisioner. */
import { join } from 'node:path';
import { keyOf } from '../../shared/kube/cache.ts';
import type { NodeApi } from './api.ts';
import type { Objects } from './object-caches.ts';
import { PodSet } from './pod-set.ts';
import { Provisioner, storageClass } from './provisioner.ts';
import { nodeLabels, nodeStatus, type NodeDescription } from './registration.ts';
import type { Sandbox } from './sandbox.ts';
import { Scheduler } from './scheduler.ts';

export interface AssembleOptions {
  readonly name: string;
  readonly scratch: string;
  readonly log: (line: string) => void;
  readonly api: NodeApi;
  readonly objects: Objects;
  readonly sandbox: Sandbox;
  readonly now: () => number;
}

export interface Parts {
  readonly objects: Objects;
  readonly podSet: PodSet;
  /** Ends retries; errors after it are not worth a line. */
  readonly stopping: AbortController;
  /** Creates the Node (or takes over the one of that name) and the default storage class. */
  register(description: NodeDescription): Promise<void>;
  /** Tells the API that the node lives, and takes the labels that it has by now. */
  beat(): Promise<void>;
  /** Lets work run on its own; its failure becomes a line in the log. */
  background(work: Promise<void>): void;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Wires the parts; nothing runs before the caches are started. */
export function assemble(options: AssembleOptions): Parts {
  const { name, scratch, log, api, objects, sandbox, now } = options;
  const stopping = new AbortController();
  let labels = nodeLabels(name);
  let description: NodeDescription | undefined;
  const background: Parts['background'] = (work) => {
    work.catch((error: unknown) => {
      if (!stopping.signal.aborted) log(wordsOf(error));
    });
  };
  const sources = {
    configMap: (namespace: string, map: string) => api.configMap(namespace, map),
    secret: (namespace: string, secret: string) => api.secret(namespace, secret),
    claimFolder: (namespace: string, claim: string) => objects.claimFolder(namespace, claim),
  };
  const podSet = new PodSet({ api, node: name, scratch, sandbox, sources, now, log, signal: stopping.signal });
  const scheduler = new Scheduler({
    api,
    node: name,
    now,
    facts: (pod) => ({ labels, claim: (claim) => objects.claim(pod.metadata.namespace, claim) }),
    bound: (pod) => podSet.observe(pod),
    failed: (pod, error) => log(`${keyOf(pod)} could not be placed: ${wordsOf(error)}`),
  });
  connect({ objects, podSet, scheduler, provisioner: new Provisioner(api, join(scratch, 'volumes')), background });
  const beat = async (): Promise<void> => {
    if (description === undefined) return;
    const answer = await api.patchNodeStatus(name, nodeStatus(description, now()));
    labels = answer.metadata.labels ?? {};
    scheduler.reconsider();
  };
  const register = async (node: NodeDescription): Promise<void> => {
    description = node;
    await api.registerNode({ metadata: { name, labels }, status: nodeStatus(node, now()) });
    await Promise.all([beat(), api.createStorageClass(storageClass)]);
  };
  return { objects, podSet, stopping, register, beat, background };
}

interface Connections extends Pick<Parts, 'objects' | 'podSet' | 'background'> {
  readonly scheduler: Scheduler;
  readonly provisioner: Provisioner;
}

function connect({ objects, podSet, scheduler, provisioner, background }: Connections): void {
  objects.pods.subscribe(({ type, object }) => {
    if (type === 'deleted') {
      scheduler.forget(object);
      podSet.forget(object);
    } else {
      podSet.observe(object);
      scheduler.consider(object);
    }
  });
  objects.claims.subscribe(({ type, object }) => {
    if (type !== 'deleted') background(provisioner.consider(object));
    scheduler.reconsider();
  });
  objects.volumes.subscribe(({ type, object }) => {
    if (type !== 'deleted') background(provisioner.reclaim(object));
    scheduler.reconsider();
  });
}
