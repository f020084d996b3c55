/**
 * Retries sequences that wait for a quota of Jobs when a Job of their namespace is deleted: one sequence for each Job,
 * because each frees one slot. The others retry by their own timers. Only deletions of SequentialJobs' Jobs are seen.
 */
import type { Key } from '../shared/kube/cache.ts';
import type { ObservedJob } from '../shared/api/job.ts';
import type { Cache } from '../shared/kube/cache.ts';

/**
 * Delays of further tries if the first came too early: the quota controller updates the usage only after the deletion,
 * and the API server sees the update later than the operator sees the deletion.
 */
const RETRY_DELAYS_MS = [250, 1_000, 4_000, 16_000] as const;

export class QuotaRetries {
  /** Waiting sequences by namespace, longest wait first. */
  readonly #waiting = new Map<string, Set<Key>>();
  /** Sequences retried after a deletion, with the number of rejections since. */
  readonly #rejections = new Map<Key, number>();

  /** Subscribes to the cache of Jobs. */
  constructor(jobs: Cache<ObservedJob>, enqueue: (key: Key) => void) {
    jobs.subscribe(({ type, object }) => {
      if (type !== 'deleted') return;
      const { namespace } = object.metadata;
      const [first] = this.#waiting.get(namespace) ?? [];
      if (first === undefined) return;
      this.#remove(first, namespace);
      this.#rejections.set(first, 0);
      enqueue(first);
    });
  }

  /**
   * Records whether this sequence waits for a quota; call it after each reconcile. Returns the milliseconds after which
   * to reconcile it again; undefined: its own timer applies.
   */
  update(key: Key, namespace: string, isWaiting: boolean): number | undefined {
    if (!isWaiting) {
      this.#remove(key, namespace);
      this.#rejections.delete(key);
      return undefined;
    }
    this.#waiting.set(namespace, (this.#waiting.get(namespace) ?? new Set<Key>()).add(key));
    const refused = this.#rejections.get(key);
    const retryMs = refused === undefined ? undefined : RETRY_DELAYS_MS[refused];
    if (refused === undefined || retryMs === undefined) this.#rejections.delete(key);
    else this.#rejections.set(key, refused + 1);
    return retryMs;
  }

  #remove(key: Key, namespace: string): void {
    const waiting = this.#waiting.get(namespace);
    if (waiting?.delete(key) === true && waiting.size === 0) this.#waiting.delete(namespace);
  }
}
