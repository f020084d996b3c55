/** What the caches keep of an object: every byte here is there once per object, for as long as it lives. */
import { LABELS } from '../shared/api/group.ts';
import type { ObservedJob } from '../shared/api/job.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';

interface RawObject {
  readonly metadata: ObjectMeta & { readonly managedFields?: unknown; readonly selfLink?: unknown };
  readonly [field: string]: unknown;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** A SequentialJob without the parts of its metadata that nobody here reads, some of them as large as the spec. */
export function toSequentialJob(raw: unknown): SequentialJob {
  const object = raw as RawObject;
  const { managedFields: _, selfLink: __, annotations, ...metadata } = object.metadata;
  const { [LAST_APPLIED]: ___, ...kept } = annotations ?? {};
  const rest = Object.keys(kept).length === 0 ? {} : { annotations: kept };
  return { ...object, metadata: { ...metadata, ...rest } } as unknown as SequentialJob;
}

/** A Job without its spec: the operator reads how it goes, not what it runs. */
export function toObservedJob(raw: unknown): ObservedJob {
  const { metadata } = raw as ObservedJob;
  // A Job that its controller has not seen yet may come without a status.
  const status = (raw as Partial<ObservedJob>).status ?? {};
  const labels = (raw as { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }).metadata.labels;
  const index = labels?.[LABELS.stepIndex];
  const { active, succeeded, failed, startTime, completionTime, conditions } = status;
  return {
    step: defined({
      index: index !== undefined && /^\d{1,4}$/.test(index) ? Number(index) : undefined,
      name: labels?.[LABELS.stepName],
    }),
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      ...defined({
        creationTimestamp: metadata.creationTimestamp,
        deletionTimestamp: metadata.deletionTimestamp,
        ownerReferences: metadata.ownerReferences,
      }),
    },
    status: defined({ active, succeeded, failed, startTime, completionTime, conditions }),
  };
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
