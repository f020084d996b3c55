/** Manages the Pods of this node: a worker for each running Pod, and the removal of deleted ones. */
import { backoffDelay } from '../../shared/backoff.ts';
import { keyOf } from '../../shared/kube/cache.ts';
import { sleep } from '../../shared/sleep.ts';
import type { NodeApi } from './api.ts';
import { isFinished, type Pod } from './objects.ts';
import { removePodFolder } from './pod-folder.ts';
import { podStatus, type ContainerRecord } from './pod-status.ts';
import { PodWorker } from './pod-worker.ts';
import type { Sandbox } from './sandbox.ts';
import { RETRY, StatusWriter } from './status-writer.ts';
import type { VolumeSources } from './volumes.ts';

export interface PodManagerOptions {
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

/** The kubelet's exit code for a container whose real one is unknown. */
const UNKNOWN_EXIT_CODE = 137;

export class PodManager {
  readonly #options: PodManagerOptions;
  readonly #workers = new Map<string, PodWorker>();
  readonly #writers = new WeakMap<PodWorker, StatusWriter>();
  /** UIDs of Pods of an earlier node that are being marked Failed. */
  readonly #markingFailed = new Set<string>();
  readonly #removing = new Set<string>();

  constructor(options: PodManagerOptions) {
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

  /** Acts on the newest state of a Pod: starts it, or stops it if it is being deleted. Never throws. */
  sync(pod: Pod): void {
    if (pod.spec.nodeName !== this.#options.node) return;
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 30 } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (deletionTimestamp !== undefined) {
      worker?.stop(deletionGracePeriodSeconds * 1000);
      if (!this.#removing.has(uid)) this.#background(this.#remove(pod, worker), pod);
      return;
    }
    if (worker !== undefined || isFinished(pod) || this.#markingFailed.has(uid)) return;
    if (wasStarted(pod)) this.#markFailed(pod);
    else this.#start(pod);
  }

  /** Kills the containers of a Pod that has been deleted from the API, and removes its files. */
  forget(pod: Pod): void {
    const { uid } = pod.metadata;
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    this.#markingFailed.delete(uid);
    this.#removing.delete(uid);
    worker?.stop(0);
    const gone = (worker?.done ?? Promise.resolve()).then(() => removePodFolder(this.#options.scratch, uid));
    this.#background(gone, pod);
  }

  /** Kills all processes. Does not update the Pods: the next start of the node marks them Failed. */
  async stop(): Promise<void> {
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.stop(0);
    await Promise.all(workers.map((worker) => worker.done));
  }

  #start(pod: Pod): void {
    const { api, signal, scratch, sandbox, sources, now } = this.#options;
    const writer = new StatusWriter((status) => api.patchStatus(pod, status), signal);
    const worker = new PodWorker(pod, { scratch, sandbox, sources, now, report: (status) => writer.update(status) });
    this.#workers.set(pod.metadata.uid, worker);
    this.#writers.set(worker, writer);
  }

  async #remove(pod: Pod, worker: PodWorker | undefined): Promise<void> {
    const { uid } = pod.metadata;
    this.#removing.add(uid);
    try {
      await worker?.done;
      if (worker !== undefined) await this.#writers.get(worker)?.flushed();
      await this.#removeFromApi(pod);
    } finally {
      this.#removing.delete(uid);
    }
  }

  /** Until the Pod is gone: no watch event would trigger a retry. */
  async #removeFromApi(pod: Pod): Promise<void> {
    const { api, signal } = this.#options;
    let failures = 0;
    while (!signal.aborted && this.#removing.has(pod.metadata.uid)) {
      try {
        await api.removePod(pod);
        return;
      } catch (error) {
        if (failures++ === 0) this.#logError(pod, error);
        await sleep(backoffDelay(failures, RETRY, Math.random), signal);
      }
    }
  }

  #markFailed(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#markingFailed.add(uid);
    const writer = new StatusWriter((status) => this.#options.api.patchStatus(pod, status), this.#options.signal);
    writer.update(lostStatus(pod, this.#options.now()));
    this.#options.log(`${keyOf(pod)} was running when the node stopped earlier: marked Failed`);
  }

  #background(work: Promise<void>, pod: Pod): void {
    work.catch((error: unknown) => this.#logError(pod, error));
  }

  #logError(pod: Pod, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (!this.#options.signal.aborted) this.#options.log(`${keyOf(pod)}: ${message}`);
  }
}

/** Whether any container of the Pod has ever run. */
export function wasStarted(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ state, restartCount }) => restartCount > 0 || state?.running !== undefined || state?.terminated !== undefined,
  );
}

/** The status of a Pod whose processes were killed when the node stopped earlier. */
export function lostStatus(pod: Pod, now: number): ReturnType<typeof podStatus> {
  const startTime = pod.status?.startTime === undefined ? now : Date.parse(pod.status.startTime);
  const lost = (container: { readonly name: string; readonly image?: string }): ContainerRecord => ({
    name: container.name,
    image: container.image ?? '',
    restarts: 0,
    state: {
      kind: 'terminated',
      exitCode: UNKNOWN_EXIT_CODE,
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
