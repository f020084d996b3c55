/** Gives Pods to the node, or says in their status why not; looks again when a claim or the node's labels change. */
import { isApiError } from '../../shared/kube/errors.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import type { NodeApi } from './api.ts';
import type { Pod } from './objects.ts';
import { schedule, type NodeFacts } from './scheduling.ts';

export interface SchedulerOptions {
  readonly api: NodeApi;
  readonly node: string;
  readonly facts: (pod: Pod) => NodeFacts;
  readonly now: () => number;
  /** Called as soon as the API has accepted the binding, before the watch tells of it. */
  readonly bound: (pod: Pod) => void;
  readonly failed: (pod: Pod, error: unknown) => void;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  /** Pods that could not be placed, by UID, with the message that their status carries. */
  readonly #unplaced = new Map<string, { readonly pod: Pod; readonly message: string }>();
  readonly #inFlight = new Set<string>();

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Decides on a Pod as it is now. Never throws: what the API refuses goes to `failed`. */
  consider(pod: Pod): void {
    const { uid } = pod.metadata;
    const verdict = schedule(pod, this.#options.facts(pod));
    if (verdict.kind === 'ignore') {
      this.#unplaced.delete(uid);
      return;
    }
    if (this.#inFlight.has(uid)) return;
    if (verdict.kind === 'unschedulable') {
      const known = this.#unplaced.get(uid)?.message;
      this.#unplaced.set(uid, { pod, message: verdict.message });
      if (known === verdict.message) return;
    }
    this.#inFlight.add(uid);
    const work = verdict.kind === 'bind' ? this.#bind(pod) : this.#explain(pod, verdict.message);
    void work
      .catch((error: unknown) => {
        if (isApiError(error, 'NotFound')) {
          this.#unplaced.delete(uid);
          return;
        }
        // Nothing else would bring it back: it is looked at again with the others. A conflict too: that is what the API
        // server makes of any trouble with its storage while it binds a Pod.
        this.#unplaced.set(uid, { pod, message: '' });
        if (!isApiError(error, 'Conflict')) this.#options.failed(pod, error);
      })
      .finally(() => this.#inFlight.delete(uid));
  }

  /** Forgets a Pod that was deleted. */
  forget(pod: Pod): void {
    this.#unplaced.delete(pod.metadata.uid);
  }

  /** Looks again at every Pod that could not be placed. */
  reconsider(): void {
    for (const { pod } of this.#unplaced.values()) this.consider(pod);
  }

  async #bind(pod: Pod): Promise<void> {
    await this.#options.api.bind(pod, this.#options.node);
    this.#unplaced.delete(pod.metadata.uid);
    this.#options.bound({ ...pod, spec: { ...pod.spec, nodeName: this.#options.node } });
  }

  async #explain(pod: Pod, message: string): Promise<void> {
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
