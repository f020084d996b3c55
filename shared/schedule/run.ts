/** A run of a schedule: the SequentialJob that is created from the template of a CronSequentialJob. Pure. */
import { API_VERSION, CRON, KIND, SCHEDULE_LABEL, SCHEDULED_TIME_ANNOTATION } from '../api/group.ts';
import type { CronSequentialJob } from '../api/schedule.ts';
import type { ChildMetadata, OwnerReference, SequentialJob } from '../api/types.ts';

/** A run as it is created. */
export interface RunManifest extends Pick<SequentialJob, 'apiVersion' | 'kind' | 'spec'> {
  readonly metadata: Required<ChildMetadata> & {
    readonly name: string;
    readonly namespace: string;
    readonly ownerReferences: readonly OwnerReference[];
  };
}

export type RunOptions =
  /** The schedule controls the run: it counts for the concurrency policy and the history limits. */
  | { readonly name: string; readonly scheduledTime: string }
  /** A user starts the run: it is deleted with the schedule, which otherwise ignores it. */
  | { readonly name: string; readonly manual: true };

/** The annotation of kubectl on a Job that is created by hand from a CronJob (kubectl pkg/cmd/create/create_job.go). */
const MANUAL = { 'cronjob.kubernetes.io/instantiate': 'manual' } as const;

/**
 * The run of the schedule for a time, or one that a user starts. Our label and annotation replace those of the template;
 * the template's annotations replace kubectl's, as they do in kubectl.
 */
export function buildRun({ metadata, spec }: CronSequentialJob, options: RunOptions): RunManifest {
  const { metadata: { labels, annotations } = {}, spec: template } = spec.sequentialJobTemplate;
  const isManual = 'manual' in options;
  const time = isManual ? {} : { [SCHEDULED_TIME_ANNOTATION]: options.scheduledTime };
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: options.name,
      namespace: metadata.namespace,
      labels: { ...labels, [SCHEDULE_LABEL]: metadata.name },
      annotations: { ...(isManual ? MANUAL : {}), ...annotations, ...time },
      ownerReferences: [ownerReference(metadata, isManual)],
    },
    spec: template,
  };
}

/** A user who starts a run may lack the permission that `blockOwnerDeletion` requires. */
function ownerReference({ name, uid }: CronSequentialJob['metadata'], isManual: boolean): OwnerReference {
  const owner = { apiVersion: API_VERSION, kind: CRON.kind, name, uid };
  return isManual ? owner : { ...owner, controller: true, blockOwnerDeletion: true };
}
