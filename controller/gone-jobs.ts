/**
 * Jobs that were seen to end and are gone before that was recorded: a time to live, a cleaner or a person was quicker. How
 * they ended counts all the same. In memory only, and only until the sequence has recorded it.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../shared/api/job.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import type { Cache } from '../shared/kube/cache.ts';

/** The oldest are forgotten first. */
const MAX_KEPT = 4096;

export class GoneJobs {
  readonly #sequentialJobs: Cache<SequentialJob>;
  /** By their UID, oldest first. */
  readonly #jobs = new Map<string, ObservedJob>();

  /** Follows the cache of Jobs from now on. */
  constructor(jobs: Cache<ObservedJob>, sequentialJobs: Cache<SequentialJob>) {
    this.#sequentialJobs = sequentialJobs;
    jobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#keep(object);
    });
  }

  /** Those that this object has not recorded the end of. */
  of(object: SequentialJob): readonly ObservedJob[] {
    if (this.#jobs.size === 0) return [];
    const own = [...this.#jobs.values()].filter((job) => sequentialJobOwner(job)?.uid === object.metadata.uid);
    const [open, recorded] = [own.filter((job) => isOpen(job, object)), own.filter((job) => !isOpen(job, object))];
    for (const { metadata } of recorded) this.#jobs.delete(metadata.uid);
    return open;
  }

  #keep(job: ObservedJob): void {
    const owner = sequentialJobOwner(job);
    if (owner === undefined || outcomeOf(job).type === 'running') return;
    const object = this.#sequentialJobs.get(`${job.metadata.namespace}/${owner.name}`);
    if (object?.metadata.uid !== owner.uid || !isOpen(job, object)) return;
    this.#jobs.set(job.metadata.uid, job);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_KEPT && oldest !== undefined) this.#jobs.delete(oldest);
  }
}

/** A sequence that is being deleted, or is over, has nothing to learn from its Jobs. */
function isOpen({ metadata: { uid } }: ObservedJob, { metadata, status }: SequentialJob): boolean {
  if (metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined) return false;
  const step = status?.steps?.find(({ jobUID }) => jobUID === uid);
  return step === undefined || step.state === 'Running';
}
