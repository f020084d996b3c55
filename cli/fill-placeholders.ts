/** Placeholders for the metadata that the API server sets on creation and a file does not have, with remarks about them. */
import { NAME_MAX_LENGTH, SCHEDULE_LABEL } from '../shared/api/group.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { nonEmptyString } from '../shared/json/untrusted.ts';
import { PLACEHOLDER_MINUTES } from './run-of-schedule.ts';

/** The nil UUID (RFC 9562). No object has it, so the controller never takes a Job for its own whose owner reference names it. */
export const PLACEHOLDER_UID = '00000000-0000-0000-0000-000000000000';

/** For the five random characters that the API server appends to `generateName` (apiserver pkg/storage/names/generate.go). */
const PLACEHOLDER_SUFFIX = 'xxxxx';

export interface WithPlaceholders {
  readonly object: SequentialJob;
  /** For the reader: which Jobs are rendered, and which values are placeholders. */
  readonly remarks: readonly string[];
}

interface GivenMetadata extends Partial<ObjectMeta> {
  readonly generateName?: string;
}

/** Fills in the metadata that its Jobs need. Keeps existing values: the UID of an object from a cluster is real. */
export function withPlaceholders(object: SequentialJob): WithPlaceholders {
  const given: GivenMetadata = object.metadata;
  const prefixLength = NAME_MAX_LENGTH - PLACEHOLDER_SUFFIX.length;
  const name =
    nonEmptyString(given.name) ??
    `${(nonEmptyString(given.generateName) ?? '').slice(0, prefixLength)}${PLACEHOLDER_SUFFIX}`;
  const namespace = nonEmptyString(given.namespace) ?? 'default';
  const uid = nonEmptyString(given.uid) ?? PLACEHOLDER_UID;
  const total = object.spec.steps.length;
  const sequence = `SequentialJob ${namespace}/${name}`;
  return {
    object: { ...object, metadata: { ...object.metadata, name, namespace, uid } },
    remarks: [
      total === 1
        ? `The Job of ${sequence}.`
        : `The ${total} Jobs of ${sequence}, each created when the one before it has completed.`,
      ...(nonEmptyString(given.name) === undefined
        ? [`${PLACEHOLDER_SUFFIX} stands for the random suffix of generateName.`]
        : []),
      ...(given.labels?.[SCHEDULE_LABEL] !== undefined && name.endsWith(`-${PLACEHOLDER_MINUTES}`)
        ? [`${PLACEHOLDER_MINUTES} stands for the time of the run, in minutes since 1970.`]
        : []),
      ...(uid === PLACEHOLDER_UID ? UID_REMARKS : []),
    ],
  };
}

const UID_REMARKS = [
  `${PLACEHOLDER_UID} stands for the UID of the SequentialJob, which the API server assigns.`,
  'Read or check these Jobs (kubectl create --dry-run=server -f -), do not create them: the garbage collector deletes a',
  'Job whose owner does not exist.',
] as const;
