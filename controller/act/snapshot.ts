/** The snapshot after an answer of the API server. */
import { LABELS } from '../../shared/api/group.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { keyOf } from '../../shared/kube/cache.ts';
import { isOwned } from '../decide/step-view.ts';
import type { Finding, Snapshot } from '../decide/index.ts';
import { toObservedJob } from '../transform.ts';
import type { ExecuteDeps } from './deps.ts';

/** Throws where the Job is not this sequence's: no decision is to change or delete one, and none that does is followed. */
export function assertOwned(job: ObservedJob, snapshot: Snapshot): void {
  if (isOwned(job, snapshot)) return;
  const { namespace, name } = job.metadata;
  throw new Error(`Job ${namespace}/${name} does not belong to ${keyOf(snapshot.object)}: it is left as it is`);
}

interface RawJob extends ObservedJob {
  readonly metadata: ObservedJob['metadata'] & { readonly labels?: Readonly<Record<string, string>> };
}

/** The snapshot with this Job; the cache gets it too, where the watch will keep it up to date there. */
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
 * The answer to our own write. The version that it was guarded by keeps the spec the same: the one that is run stays. An
 * object that nothing holds any more is gone, though the answer has the version of before (apiserver
 * pkg/registry/generic/registry/store.go deleteWithoutFinalizers).
 */
export function withServerState(snapshot: Snapshot, object: SequentialJob, deps: ExecuteDeps): Snapshot {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined && finalizers.length === 0) deps.sequentialJobs.remove(object);
  else deps.sequentialJobs.assume(object);
  return { ...snapshot, object: { ...object, spec: snapshot.object.spec } };
}
