/**
 * Remembers finished Jobs that were deleted before the sequence recorded their result: by their time to live, a cleaner
 * or a user. Their result still counts. In memory only, and only until the sequence has recorded it.
 */
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../shared/api/job.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import type { Cache } from '../shared/kube/cache.ts';

/** Maximum number of sequences; the oldest entries are dropped first. */
const MAX_JOBS = 4096;
/** Maximum number of Jobs for each sequence, which has one unrecorded Job and rarely a second. */
const MAX_JOBS_PER_SEQUENCE = 8;

export class DeletedJobs {
  readonly #sequentialJobs: Cache<SequentialJob>;
  readonly #areSequencesListed: () => boolean;
  /** By the UID of the SequentialJob, oldest first. */
  readonly #jobs = new Map<string, readonly ObservedJob[]>();

  /**
   * Subscribes to the caches of Jobs and SequentialJobs. `areSequencesListed`: whether the second cache is complete; until
   * then a Job of any sequence may be needed. Default: it is.
   */
  constructor(
    jobs: Cache<ObservedJob>,
    sequentialJobs: Cache<SequentialJob>,
    areSequencesListed: () => boolean = () => true,
  ) {
    this.#sequentialJobs = sequentialJobs;
    this.#areSequencesListed = areSequencesListed;
    jobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#remember(object);
    });
    sequentialJobs.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#jobs.delete(object.metadata.uid);
    });
  }

  /** The deleted Jobs whose result this object has not recorded. */
  of(object: SequentialJob): readonly ObservedJob[] {
    const { uid } = object.metadata;
    const unrecorded = this.#jobs.get(uid)?.filter((job) => isUnrecorded(job, object)) ?? [];
    if (unrecorded.length === 0) this.#jobs.delete(uid);
    else this.#jobs.set(uid, unrecorded);
    return unrecorded;
  }

  #remember(job: ObservedJob): void {
    const owner = sequentialJobOwner(job);
    if (owner === undefined || outcomeOf(job).type === 'running') return;
    if (!this.#mayNeed(job, owner)) return;
    const remembered = [...(this.#jobs.get(owner.uid) ?? []), job].slice(-MAX_JOBS_PER_SEQUENCE);
    this.#jobs.delete(owner.uid);
    this.#jobs.set(owner.uid, remembered);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
  }

  #mayNeed(job: ObservedJob, { name, uid }: { readonly name: string; readonly uid: string }): boolean {
    const object = this.#sequentialJobs.get(`${job.metadata.namespace}/${name}`);
    if (object?.metadata.uid === uid) return isUnrecorded(job, object);
    return !this.#areSequencesListed();
  }
}

/**
 * Whether the sequence still needs the Job's result: it is neither being deleted nor finished, and the Job is not of an
 * earlier resume or recorded as ended.
 */
function isUnrecorded({ metadata: { uid }, step: made }: ObservedJob, { metadata, status }: SequentialJob): boolean {
  if (metadata.deletionTimestamp !== undefined || status?.completionTime !== undefined) return false;
  if ((made.resumes ?? 0) < (status?.resumes ?? 0)) return false;
  const step = [...(status?.steps ?? []), ...(status?.finally ?? [])].find(({ jobUID }) => jobUID === uid);
  return step === undefined || step.state === 'Running';
}
