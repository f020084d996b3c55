/** Reduces objects to what the caches keep: each byte exists once per object. */
import {
  ENDED_ANNOTATION,
  ENDED_BECAUSE_ANNOTATION,
  FINALIZER,
  LABELS,
  MANAGER,
  SCHEDULED_TIME_ANNOTATION,
  SUSPENDED_ANNOTATION,
} from '../shared/api/group.ts';
import type { JobCondition, ObservedJob } from '../shared/api/job.ts';
import { printableLine, printableTexts } from '../shared/printable-text.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { asObject } from '../shared/json/untrusted.ts';
import { omitUndefined } from '../shared/omit-undefined.ts';
import { scheduleOwner } from '../shared/schedule/owner.ts';
import { parseEndedBecause } from './ended-because.ts';

interface RawObject {
  readonly metadata: ObjectMeta & { readonly managedFields?: readonly ManagedFields[] | null };
  readonly [field: string]: unknown;
}

/** A cached SequentialJob. */
export interface CachedSequentialJob extends SequentialJob {
  /** It has our finalizer, and no webhook of ours is known to have added it. */
  readonly finalizerSetByClient?: true;
}

/** A SequentialJob without the metadata that the operator does not read, which may be larger than the spec. */
export function toSequentialJob(raw: unknown): CachedSequentialJob {
  const { metadata, ...object } = raw as RawObject;
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, finalizers } =
    metadata;
  const rest = omitUndefined({ generation, creationTimestamp, deletionTimestamp, finalizers });
  const isSetByClient =
    finalizers?.includes(FINALIZER) === true && isFinalizerSetByClient(metadata.managedFields ?? []);
  const finalizer = isSetByClient ? { finalizerSetByClient: true } : {};
  const run = ofSchedule(metadata);
  const cached = { ...object, metadata: { name, namespace, uid, resourceVersion, ...rest, ...run }, ...finalizer };
  return cached as unknown as CachedSequentialJob;
}

/** RFC 3339 with a fraction and an offset. */
const MAX_TIME_LENGTH = 64;

/** What a run keeps of its schedule: nothing that a sequence without one would have to carry. */
function ofSchedule(
  metadata: RawObject['metadata'],
): Readonly<Partial<Pick<ObjectMeta, 'ownerReferences' | 'annotations'>>> {
  const ownerReferences = controllerOf(metadata.ownerReferences);
  if (ownerReferences === undefined || scheduleOwner({ ownerReferences }) === undefined) return {};
  const time = metadata.annotations?.[SCHEDULED_TIME_ANNOTATION];
  return time === undefined || time.length > MAX_TIME_LENGTH
    ? { ownerReferences }
    : { ownerReferences, annotations: { [SCHEDULED_TIME_ANNOTATION]: time } };
}

type Fields = Readonly<Record<string, unknown>>;

interface ManagedFields {
  readonly manager?: string;
  readonly fieldsV1?: { readonly 'f:metadata'?: Fields; readonly 'f:spec'?: Fields };
}

/**
 * Whether a client has set our finalizer. The API server computes managedFields before it calls the mutating webhooks
 * (apiserver pkg/endpoints/handlers/create.go): fields that a webhook adds have no manager, fields in the request
 * belong to the client, or to this operator. Without managedFields the answer is unknown, so true. A server before 1.22
 * tracks the whole list as one field.
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

/** A Job without most of its spec: the operator reads its progress, not what it runs. */
export function toObservedJob(raw: unknown): ObservedJob {
  const { metadata, spec, status = {} } = raw as RawJob;
  const { labels, annotations } = metadata;
  const { active, terminating, succeeded, failed, startTime, completionTime } = status;
  const finallyIndex = parseIndex(labels?.[LABELS.finallyIndex]);
  const conditions =
    status.conditions === undefined ? undefined : relevantConditions(status.conditions).map(toCondition);
  const isSuspended = spec?.suspend === true;
  // A server before 1.21 drops the field and keeps only the annotation: the Job was not suspended.
  const suspensions = spec?.suspend === undefined ? undefined : suspensionsOf(annotations?.[SUSPENDED_ANNOTATION]);
  const managers = isSuspended || suspensions !== undefined ? managersOfSuspend(metadata) : [];
  return {
    step: omitUndefined({
      index: finallyIndex ?? parseIndex(labels?.[LABELS.stepIndex]),
      isFinally: finallyIndex === undefined ? undefined : (true as const),
      name: labels?.[LABELS.stepName],
      resumes: parseIndex(labels?.[LABELS.resume]),
    }),
    ...omitUndefined({
      suspended: isSuspended ? suspendedBy(managers, suspensions !== undefined) : undefined,
      suspensions: isSuspended || suspensions === undefined ? suspensions : { ...suspensions, ...undoneBy(managers) },
      deadlineSeconds: spec?.activeDeadlineSeconds,
      endedAfterSeconds: parseIndex(annotations?.[ENDED_ANNOTATION]),
      endedBecause: parseEndedBecause(annotations?.[ENDED_BECAUSE_ANNOTATION]),
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
      // Before 1.31 it is not updated after the Job has finished.
      terminating: conditions?.some(isFinished) === true ? undefined : terminating,
      succeeded,
      failed,
      startTime,
      completionTime,
      conditions,
    }),
  };
}

/** Limits owner references, because clients may write any number of any length. */
const MAX_NAME_LENGTH = 253;

/** The controller's owner reference; the others are not read. */
function controllerOf(owners: ObjectMeta['ownerReferences']): ObjectMeta['ownerReferences'] {
  const owner = owners?.find(({ controller }) => controller === true);
  if (owner === undefined) return undefined;
  const { apiVersion, kind, name, uid } = owner;
  return [apiVersion, kind, name, uid].some((text) => text.length > MAX_NAME_LENGTH) ? undefined : [owner];
}

/** The default of `spec.managedBy` (batch/v1 JobControllerName). */
const JOB_CONTROLLER = 'kubernetes.io/job-controller';

/** `3 2026-11-02T10:00:00Z`: count and time; any other value counts as one suspension. */
function suspensionsOf(annotation: string | undefined): ObservedJob['suspensions'] {
  if (annotation === undefined) return undefined;
  const [, count, at] = /^(\d{1,9}) (\S{1,40})$/.exec(annotation) ?? [];
  return count === undefined || at === undefined ? { count: 1 } : { count: Number(count), at };
}

/** The field managers that own `spec.suspend`, and so have set its current value. */
function managersOfSuspend({ managedFields = [] }: RawJob['metadata']): readonly string[] {
  return managedFields
    .filter(({ fieldsV1 }) => fieldsV1?.['f:spec']?.['f:suspend'] !== undefined)
    .flatMap(({ manager }) => (manager === undefined ? [] : printableLine(manager)));
}

/** Our annotation marks our suspension; another client may have unsuspended and suspended the Job since. */
function suspendedBy(managers: readonly string[], isMarked: boolean): NonNullable<ObservedJob['suspended']> {
  const byOperator = isMarked && (managers.length === 0 || managers.includes(MANAGER));
  // A webhook that suspends a Job in our create request does so under our field manager.
  return { byOperator, ...(byOperator ? {} : omitUndefined({ manager: otherManager(managers) })) };
}

const undoneBy = (managers: readonly string[]): { readonly undoneBy?: string } =>
  omitUndefined({ undoneBy: otherManager(managers) });

const otherManager = (managers: readonly string[]): string | undefined =>
  managers.find((manager) => manager !== MANAGER);

/**
 * The conditions that decisions use: those that `outcomeOf` reads or, before they exist, those that `isFailing` reads
 * and the time of the suspension.
 */
function relevantConditions(conditions: readonly JobCondition[]): readonly JobCondition[] {
  const ends = conditions.filter(({ type }) => type === 'Complete' || type === 'Failed');
  return ends.length > 0 ? ends : conditions.filter(isRead);
}

const isRead = ({ type, status }: JobCondition): boolean =>
  type === 'FailureTarget' || (type === 'Suspended' && status === 'True');

const isFinished = ({ type, status }: JobCondition): boolean =>
  (type === 'Complete' || type === 'Failed') && status === 'True';

/** Without `lastProbeTime`, which is not read. An external controller (`managedBy`) may write any text. */
function toCondition({ type, status, reason, message, lastTransitionTime }: JobCondition): JobCondition {
  return {
    type,
    status,
    ...printableTexts(omitUndefined({ reason, message })),
    ...omitUndefined({ lastTransitionTime }),
  };
}

/** The number in a label, of up to ten digits. */
function parseIndex(label: string | undefined): number | undefined {
  return label !== undefined && /^\d{1,10}$/.test(label) ? Number(label) : undefined;
}
