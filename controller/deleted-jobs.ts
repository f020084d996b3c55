/**
 * Jobs that were seen to end and are gone before that was recorded: a time to live, a cleaner or a person was quicker. How
 * they ended counts all the same. In memory only, and only until the sequence has recorded it.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../shared/api/job.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import type { Cache } from '../shared/kube/cache.ts';

/** Of sequences; the oldest are forgotten first. */
const MAX_JOBS = 4096;
/** Of a sequence: it has one Job that is not on record, and seldom a second. */
const MAX_JOBS_PER_SEQUENCE = 8;

export class DeletedJobs {
  readonly #sequentialJobs: Cache<SequentialJob>;
  /** By the UID of their SequentialJob, oldest first. */
  readonly #jobs = new Map<string, readonly ObservedJob[]>();

  /** Follows the caches of Jobs and SequentialJobs from now on. */
  constructor(jobs: Cache<ObservedJob>, sequentialJobs: Cache<SequentialJob>) {
    this.#sequentialJobs = sequentialJobs;
    jobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#keep(object);
    });
    sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#jobs.delete(object.metadata.uid);
    });
  }

  /** Those that this object has not recorded the end of. */
  of(object: SequentialJob): readonly ObservedJob[] {
    const { uid } = object.metadata;
    const open = this.#jobs.get(uid)?.filter((job) => isOpen(job, object)) ?? [];
    if (open.length === 0) this.#jobs.delete(uid);
    else this.#jobs.set(uid, open);
    return open;
  }

  #keep(job: ObservedJob): void {
    const owner = sequentialJobOwner(job);
    if (owner === undefined || outcomeOf(job).type === 'running') return;
    const object = this.#sequentialJobs.get(`${job.metadata.namespace}/${owner.name}`);
    if (object?.metadata.uid !== owner.uid || !isOpen(job, object)) return;
    const kept = [...(this.#jobs.get(owner.uid) ?? []), job].slice(-MAX_JOBS_PER_SEQUENCE);
    this.#jobs.delete(owner.uid);
    this.#jobs.set(owner.uid, kept);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
  }
}

/** A sequence that is being deleted, or is over, has nothing to learn from its Jobs, nor from those before a resume. */
function isOpen({ metadata: { uid }, step: made }: ObservedJob, { metadata, status }: SequentialJob): boolean {
  if (metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined) return false;
  if ((made.resumes ?? 0) < (status?.resumes ?? 0)) return false;
  const step = status?.steps?.find(({ jobUID }) => jobUID === uid);
  return step === undefined || step.state === 'Running';
}
