/** Updates the snapshot with answers of the API server. */
import { LABELS } from '../../shared/api/group.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { keyOf } from '../../shared/kube/cache.ts';
import { isOwned } from '../decide/step-view.ts';
import type { Finding, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';

/** Throws if this sequence does not control the Job: a decision that changes or deletes such a Job is a bug. */
export function assertOwned(job: ObservedJob, snapshot: Snapshot): void {
  if (isOwned(job, snapshot)) return;
  const { namespace, name } = job.metadata;
  throw new Error(
    `Job ${namespace}/${name} does not belong to ${keyOf(snapshot.object)}: the operator does not change it`,
  );
}

interface RawJob extends ObservedJob {
  readonly metadata: ObservedJob['metadata'] & { readonly labels?: Readonly<Record<string, string>> };
}

/** Adds the Job to the snapshot, and to the cache if the watch will keep it up to date there. */
export function withJob(snapshot: Snapshot, answer: unknown, deps: ExecuteDeps): Snapshot {
  const job = toObservedJob(answer);
  const others = snapshot.jobs.filter(({ metadata }) => metadata.uid !== job.metadata.uid);
  const known: Snapshot = { ...snapshot, jobs: [...others, job] };
  const { labels } = (answer as RawJob).metadata;
  if (labels?.[LABELS.uid] === undefined || !isOwned(job, snapshot)) {
    return withFinding(known, job.metadata.name, { type: 'labelsRemoved' });
  }
  deps.jobs.assume(job);
  return known;
}

export function withFinding(snapshot: Snapshot, name: string, finding: Finding): Snapshot {
  return { ...snapshot, findings: { ...snapshot.findings, [name]: finding } };
}

/**
 * Replaces the object by the answer to our own write. The write was guarded by the resourceVersion, so the effective
 * spec stays. A terminating object without finalizers is deleted, although the answer has the version of before
 * (apiserver pkg/registry/generic/registry/store.go deleteWithoutFinalizers).
 */
export function withServerState(snapshot: Snapshot, object: SequentialJob, deps: ExecuteDeps): Snapshot {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined && finalizers.length === 0) deps.sequentialJobs.remove(object);
  else deps.sequentialJobs.assume(object);
  return { ...snapshot, object: { ...object, spec: snapshot.object.spec } };
}
