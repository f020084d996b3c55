/** Binds Pods to the node or marks them unschedulable; retries when a claim or the node's labels change. */
import { isApiError } from '../../shared/kube/errors.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import type { NodeApi } from './api.ts';
import type { Pod } from './objects.ts';
import { schedule, type NodeState } from './scheduling.ts';

export interface SchedulerOptions {
  readonly api: NodeApi;
  readonly node: string;
  readonly nodeState: (pod: Pod) => NodeState;
  readonly now: () => number;
  /** Called as soon as the API server has accepted the binding, before the watch event. */
  readonly onBound: (pod: Pod) => void;
  readonly onError: (pod: Pod, error: unknown) => void;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  /** Unschedulable Pods by UID, with the message in their status. */
  readonly #unschedulable = new Map<string, { readonly pod: Pod; readonly message: string }>();
  readonly #inFlight = new Set<string>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Schedules a Pod in its current state. Never throws: API errors go to `onError`. */
  schedulePod(pod: Pod): void {
    const { uid } = pod.metadata;
    const decision = schedule(pod, this.#options.nodeState(pod));
    if (decision.kind === 'ignore') {
      this.#unschedulable.delete(uid);
      return;
    }
    if (this.#inFlight.has(uid)) return;
    if (decision.kind === 'unschedulable') {
      const known = this.#unschedulable.get(uid)?.message;
      this.#unschedulable.set(uid, { pod, message: decision.message });
      if (known === decision.message) return;
    }
    this.#inFlight.add(uid);
    const work = decision.kind === 'bind' ? this.#bind(pod) : this.#setUnschedulable(pod, decision.message);
    void work
      .catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) {
          this.#unschedulable.delete(uid);
          return;
        }
        // Retried with the unschedulable Pods, because no watch event would trigger a retry. Also after a Conflict: the API
        // server returns it for any storage error while it binds a Pod.
        this.#unschedulable.set(uid, { pod, message: '' });
        if (!isApiError(error, 'Conflict')) this.#options.onError(pod, error);
      })
      .finally(() => this.#inFlight.delete(uid));
  }

  /** Forgets a Pod that was deleted. */
  forget(pod: Pod): void {
    this.#unschedulable.delete(pod.metadata.uid);
  }

  /** Schedules every unschedulable Pod again. */
  retryUnschedulable(): void {
    for (const { pod } of this.#unschedulable.values()) this.schedulePod(pod);
  }

  async #bind(pod: Pod): Promise<void> {
    await this.#options.api.bind(pod, this.#options.node);
    this.#unschedulable.delete(pod.metadata.uid);
    this.#options.onBound({ ...pod, spec: { ...pod.spec, nodeName: this.#options.node } });
  }

  async #setUnschedulable(pod: Pod, message: string): Promise<void> {
    const lastTransitionTime = toTimestamp(this.#options.now());
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime,
    } as const;
    await this.#options.api.patchStatus(pod, { conditions: [condition] });
  }
}
