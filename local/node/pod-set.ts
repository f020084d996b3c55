/** The Pods of this node: a worker for each that lives, and the end of each that is deleted. */
import { keyOf } from '../../shared/kube/cache.ts';
import type { NodeApi } from './api.ts';
import { isFinished, type Pod } from './objects.ts';
import { removePodFolder } from './pod-folder.ts';
import { podStatus, type ContainerRecord } from './pod-status.ts';
import { PodWorker } from './pod-worker.ts';
import type { Sandbox } from './sandbox.ts';
import { StatusWriter } from './status-writer.ts';
import type { VolumeSources } from './volumes.ts';

export interface PodSetOptions {
  readonly api: NodeApi;
  readonly node: string;
  readonly scratch: string;
  readonly sandbox: Sandbox;
  readonly sources: VolumeSources;
  readonly now: () => number;
  readonly log: (line: string) => void;
  /** Ends retries. */
  readonly signal: AbortSignal;
}

/** Exit code of a container of which nobody knows how it ended, as the kubelet reports it. */
const LOST_EXIT_CODE = 137;

export class PodSet {
  readonly #options: PodSetOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #writers = new WeakMap<PodWorker, StatusWriter>();
  /** Pods of an earlier node, being marked Failed. */
  readonly #lost = new Set<string>();
  readonly #removing = new Set<string>();

  constructor(options: PodSetOptions) {
    this.#options = options;
  }

  worker(pod: Pod): PodWorker | undefined {
    return this.#workers.get(pod.metadata.uid);
  }

  /** The number of a container's latest run, from the worker or, for a Pod of an earlier node, from its status. */
  latestRun(pod: Pod, container: string): number {
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container);
    return this.worker(pod)?.latestRun(container) ?? status?.restartCount ?? 0;
  }

  /** Takes the newest state of a Pod: starts it, or ends it when it is being deleted. Never throws. */
  observe(pod: Pod): void {
    if (pod.spec.nodeName !== this.#options.node) return;
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (deletionTimestamp !== undefined) {
      worker?.stop(deletionGracePeriodSeconds * 1000);
      if (!this.#removing.has(uid)) this.#background(this.#remove(pod, worker), pod);
      return;
    }
    if (worker !== undefined || isFinished(pod) || this.#lost.has(uid)) return;
    if (wasStarted(pod)) this.#fail(pod);
    else this.#start(pod);
  }

  /** Ends a Pod whose object is gone, without any grace, and removes its files. */
  forget(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    this.#lost.delete(uid);
    worker?.stop(0);
    const gone = (worker?.done ?? Promise.resolve()).then(() => removePodFolder(this.#options.scratch, uid));
    this.#background(gone, pod);
  }

  /** Ends all processes at once; what becomes of the Pods is the next node's business. */
  async stop(): Promise<void> {
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.stop(0);
    await Promise.all(workers.map((worker) => worker.done));
  }

  #start(pod: Pod): void {
    const { api, signal, scratch, sandbox, sources, now } = this.#options;
    const writer = new StatusWriter((status) => api.patchStatus(pod, status), signal);
    const worker = new PodWorker(pod, { scratch, sandbox, sources, now, report: (status) => writer.offer(status) });
    this.#workers.set(pod.metadata.uid, worker);
    this.#writers.set(worker, writer);
  }

  async #remove(pod: Pod, worker: PodWorker | undefined): Promise<void> {
    const { uid } = pod.metadata;
    this.#removing.add(uid);
    try {
      await worker?.done;
      if (worker !== undefined) await this.#writers.get(worker)?.settled();
      if (!this.#options.signal.aborted) await this.#options.api.removePod(pod);
    } finally {
      this.#removing.delete(uid);
    }
  }

  #fail(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#lost.add(uid);
    const writer = new StatusWriter((status) => this.#options.api.patchStatus(pod, status), this.#options.signal);
    writer.offer(lostStatus(pod, this.#options.now()));
    this.#options.log(`${keyOf(pod)} was running when an earlier node ended: it has failed`);
  }

  #background(work: Promise<void>, pod: Pod): void {
    work.catch((error: unknown) => {
      const words = error instanceof Error ? error.message : String(error);
      if (!this.#options.signal.aborted) this.#options.log(`${keyOf(pod)}: ${words}`);
    });
  }
}

/** Whether any of its containers has ever run. */
export function wasStarted(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ state, restartCount }) => restartCount > 0 || state?.running !== undefined || state?.terminated !== undefined,
  );
}

/** The status of a Pod whose processes ended with an earlier node. */
export function lostStatus(pod: Pod, now: number): ReturnType<typeof podStatus> {
  const startTime = pod.status?.startTime === undefined ? now : Date.parse(pod.status.startTime);
  const lost = (container: { readonly name: string; readonly image?: string }): ContainerRecord => ({
    name: container.name,
    image: container.image ?? '',
    restarts: 0,
    state: {
      kind: 'terminated',
      exitCode: LOST_EXIT_CODE,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
      startedAt: startTime,
      finishedAt: now,
    },
  });
  return podStatus({
    pod,
    init: [],
    main: pod.spec.containers.map(lost),
    startTime,
    stopped: true,
    failure: { reason: 'NodeLost', message: 'The node that ran this pod was restarted' },
    now,
  });
}
