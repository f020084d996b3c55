/**
 * Sequences that wait for a quota of Jobs, and are looked at again when a Job of their namespace goes: one for each Job,
 * as each makes room for one. The others come again by their own timer. Only Jobs of SequentialJobs are seen to go.
 */
import type { Key } from '../shared/kube/cache.ts';
import type { ObservedJob } from '../shared/api/job.ts';
import type { Cache } from '../shared/kube/cache.ts';

/**
 * When to try again where the first try came too soon: the quota controller of the cluster counts a Job out only after it has
 * gone, and the API server hears of that after us.
 */
const TRIES_MS = [250, 1_000, 4_000, 16_000] as const;

export class QuotaWaiters {
  /** By namespace: those that have waited longest first. */
  readonly #waiting = new Map<string, Set<Key>>();
  /** Those that a Job has made room for, and how often they were refused since. */
  readonly #refused = new Map<Key, number>();

  /** Follows the cache of Jobs from now on. */
  constructor(jobs: Cache<ObservedJob>, enqueue: (key: Key) => void) {
    jobs.subscribe(({ type, object }) => {
      if (type !== 'deleted') return;
      const { namespace } = object.metadata;
      const [longest] = this.#waiting.get(namespace) ?? [];
      if (longest === undefined) return;
      this.#remove(longest, namespace);
      this.#refused.set(longest, 0);
      enqueue(longest);
    });
  }

  /**
   * Takes whether this sequence waits for a quota: to be called after each reconcile. Gives the milliseconds after which to
   * reconcile it again, where that is not left to its own timer.
   */
  note(key: Key, namespace: string, isWaiting: boolean): number | undefined {
    if (!isWaiting) {
      this.#remove(key, namespace);
      this.#refused.delete(key);
      return undefined;
    }
    this.#waiting.set(namespace, (this.#waiting.get(namespace) ?? new Set<Key>()).add(key));
    const refused = this.#refused.get(key);
    const again = refused === undefined ? undefined : TRIES_MS[refused];
    if (refused === undefined || again === undefined) this.#refused.delete(key);
    else this.#refused.set(key, refused + 1);
    return again;
  }

  #remove(key: Key, namespace: string): void {
    const waiting = this.#waiting.get(namespace);
    if (waiting?.delete(key) === true && waiting.size === 0) this.#waiting.delete(namespace);
  }
}
