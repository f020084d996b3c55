/** What the caches keep of an object: every byte here is there once per object, for as long as it lives. */
import { ENDED_ANNOTATION, FINALIZER, LABELS, MANAGER, SUSPENDED_ANNOTATION } from '../shared/api/group.ts';
import type { JobCondition, ObservedJob } from '../shared/api/job.ts';
import { printableLine, printableTexts } from '../shared/printable-text.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { asObject } from '../shared/json/untrusted.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';

interface RawObject {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFields[] | null };
  readonly [field: string]: unknown;
}

/** A SequentialJob as the cache has it. */
export interface CachedSequentialJob extends SequentialJob {
  /** It carries our finalizer, and nothing says that a webhook of ours has put it there. */
  readonly finalizerSetByClient?: true;
}

/**
 * A SequentialJob without the parts of its metadata that nobody here reads: some of them are as large as the spec, and all may
 * be as large as somebody likes.
 */
export function toSequentialJob(raw: unknown): CachedSequentialJob {
  const { metadata, ...object } = raw as RawObject;
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, finalizers } =
    metadata;
  const rest = omitUndefined({ generation, creationTimestamp, deletionTimestamp, finalizers });
  const isClaimed = finalizers?.includes(FINALIZER) === true && isFinalizerSetByClient(metadata.managedFields ?? []);
  const claim = isClaimed ? { finalizerSetByClient: true } : {};
  const kept = { ...object, metadata: { name, namespace, uid, resourceVersion, ...rest }, ...claim };
  return kept as unknown as CachedSequentialJob;
}

type Fields = Readonly<Record<string, unknown>>;

interface ManagedFields {
  readonly manager?: string;
  readonly fieldsV1?: { readonly 'f:metadata'?: Fields; readonly 'f:spec'?: Fields };
}

/**
 * Whether a client has set our finalizer. The API server puts down who has set which field before it asks the webhooks
 * (apiserver pkg/endpoints/handlers/create.go): what they add is nobody's, and what a client brings along is that client's, or this
 * process's own. Where it does not put down anything, nobody knows. A server before 1.22 has the whole list as one field.
 */
function isFinalizerSetByClient(managedFields: readonly ManagedFields[]): boolean {
  if (!managedFields.some(({ fieldsV1 }) => fieldsV1?.['f:spec'] !== undefined)) return true;
  return managedFields.some(({ fieldsV1 }) => {
    const list = asObject<Fields>(fieldsV1?.['f:metadata']?.['f:finalizers']);
    return list !== undefined && (Object.keys(list).length === 0 || Object.hasOwn(list, `v:"${FINALIZER}"`));
  });
}

interface RawJob {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFields[] };
  readonly spec?: {
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly managedBy?: string;
  };
  readonly status?: ObservedJob['status'];
}

/** A Job without most of its spec: the operator reads how it goes, not what it runs. */
export function toObservedJob(raw: unknown): ObservedJob {
  const { metadata, spec, status = {} } = raw as RawJob;
  const { labels, annotations } = metadata;
  const { active, terminating, succeeded, failed, startTime, completionTime } = status;
  const conditions =
    status.conditions === undefined ? undefined : relevantConditions(status.conditions).map(toCondition);
  const isSuspended = spec?.suspend === true;
  // A server that does not know the field (before 1.21) keeps only the annotation: nobody has suspended anything.
  const suspensions = spec?.suspend === undefined ? undefined : suspensionsOf(annotations?.[SUSPENDED_ANNOTATION]);
  const managers = isSuspended || suspensions !== undefined ? managersOfSuspend(metadata) : [];
  return {
    step: omitUndefined({
      index: parseIndex(labels?.[LABELS.stepIndex]),
      name: labels?.[LABELS.stepName],
      resumes: parseIndex(labels?.[LABELS.resume]),
    }),
    ...omitUndefined({
      suspended: isSuspended ? suspendedBy(managers, suspensions !== undefined) : undefined,
      suspensions: isSuspended || suspensions === undefined ? suspensions : { ...suspensions, ...undoneBy(managers) },
      deadlineSeconds: spec?.activeDeadlineSeconds,
      endedAfterSeconds: parseIndex(annotations?.[ENDED_ANNOTATION]),
      managedBy: spec?.managedBy === JOB_CONTROLLER ? undefined : spec?.managedBy,
    }),
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      ...omitUndefined({
        creationTimestamp: metadata.creationTimestamp,
        deletionTimestamp: metadata.deletionTimestamp,
        ownerReferences: controllerOf(metadata.ownerReferences),
      }),
    },
    status: omitUndefined({
      active,
      // Of a Job that is over it is never brought up to date (before 1.31).
      terminating: conditions?.some(isOver) === true ? undefined : terminating,
      succeeded,
      failed,
      startTime,
      completionTime,
      conditions,
    }),
  };
}

/** Whoever creates a Job may name owners without number, and names without end. */
const MAX_NAME_LENGTH = 253;

/** The owner reference that says whose Job it is; the others are nobody's business here. */
function controllerOf(owners: ObjectMeta['ownerReferences']): ObjectMeta['ownerReferences'] {
  const owner = owners?.find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const { apiVersion, kind, name, uid } = owner;
  return [apiVersion, kind, name, uid].some((text) => text.length > MAX_NAME_LENGTH) ? undefined : [owner];
}

/** Kubernetes' own (batch/v1 JobControllerName), which is meant where nothing is said. */
const JOB_CONTROLLER = 'kubernetes.io/job-controller';

/** `3 2026-11-02T10:00:00Z`; anything else that is there counts as once. */
function suspensionsOf(annotation: string | undefined): ObservedJob['suspensions'] {
  if (annotation === undefined) return undefined;
  const [, count, at] = /^(\d{1,9}) (\S{1,40})$/.exec(annotation) ?? [];
  return count === undefined || at === undefined ? { count: 1 } : { count: Number(count), at };
}

/** The field managers that own `spec.suspend`: those who set it to what it is. */
function managersOfSuspend({ managedFields = [] }: RawJob['metadata']): readonly string[] {
  return managedFields
    .filter(({ fieldsV1 }) => fieldsV1?.['f:spec']?.['f:suspend'] !== undefined)
    .flatMap(({ manager }) => (manager === undefined ? [] : printableLine(manager)));
}

/** Our annotation says that we did; somebody else may have let it go on and suspended it again since. */
function suspendedBy(managers: readonly string[], isMarked: boolean): NonNullable<ObservedJob['suspended']> {
  const byOperator = isMarked && (managers.length === 0 || managers.includes(MANAGER));
  // A webhook that suspends what we create does so under our name.
  return { byOperator, ...(byOperator ? {} : omitUndefined({ manager: someoneElse(managers) })) };
}

const undoneBy = (managers: readonly string[]): { readonly undoneBy?: string } =>
  omitUndefined({ undoneBy: someoneElse(managers) });

const someoneElse = (managers: readonly string[]): string | undefined =>
  managers.find((manager) => manager !== MANAGER);

/**
 * The conditions that decisions are made of: what `outcomeOf` reads, and before that is there, what `isFailing` reads and since when
 * the Job has been suspended.
 */
function relevantConditions(conditions: readonly JobCondition[]): readonly JobCondition[] {
  const ends = conditions.filter(({ type }) => type === 'Complete' || type === 'Failed');
  return ends.length > 0 ? ends : conditions.filter(isRead);
}

const isRead = ({ type, status }: JobCondition): boolean =>
  type === 'FailureTarget' || (type === 'Suspended' && status === 'True');

const isOver = ({ type, status }: JobCondition): boolean =>
  (type === 'Complete' || type === 'Failed') && status === 'True';

/** Without `lastProbeTime`, which nobody reads. Of another Job controller (`managedBy`), its words are anybody's. */
function toCondition({ type, status, reason, message, lastTransitionTime }: JobCondition): JobCondition {
  return {
    type,
    status,
    ...printableTexts(omitUndefined({ reason, message })),
    ...omitUndefined({ lastTransitionTime }),
  };
}

/** A label's number, as far as an int32 goes. */
function parseIndex(label: string | undefined): number | undefined {
  return label !== undefined && /^\d{1,10}$/.test(label) ? Number(label) : undefined;
}
