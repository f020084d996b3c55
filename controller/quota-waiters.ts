/**
 * Sequences that wait for a quota of Jobs, and are looked at again when a Job of their namespace goes: one for each Job,
 * as each makes room for one. The others come again by their own timer. Only Jobs of SequentialJobs are seen to go.
 */
import type { Key } from '../shared/kube/cache.ts';
import type { ObservedJob } from '../shared/api/job.ts';
import type { Cache } from '../shared/kube/cache.ts';

export class QuotaWaiters {
  /** By namespace: those that have waited longest first. */
  readonly #waiting = new Map<string, Set<Key>>();

  /** Follows the cache of Jobs from now on. */
  constructor(jobs: Cache<ObservedJob>, enqueue: (key: Key) => void) {
    jobs.subscribe(({ type, object }) => {
      if (type !== 'deleted') return;
      const [longest] = this.#waiting.get(object.metadata.namespace) ?? [];
      if (longest === undefined) return;
      this.note(longest, object.metadata.namespace, false);
      enqueue(longest);
    });
  }

  /** Takes whether this sequence waits for a quota: to be called after each reconcile. */
  note(key: Key, namespace: string, isWaiting: boolean): void {
    const waiting = this.#waiting.get(namespace);
    if (isWaiting) this.#waiting.set(namespace, (waiting ?? new Set<Key>()).add(key));
    else if (waiting?.delete(key) === true && waiting.size === 0) this.#waiting.delete(namespace);
  }
}
