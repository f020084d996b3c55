/** What an object gets from the API server when it is created, and a file does not have: placeholders, and words about them. */
import { NAME_MAX_LENGTH } from '../shared/api/group.ts';
import type { ObjectMeta, SequentialJob } from '../shared/api/types.ts';
import { nonEmptyString } from '../shared/json/untrusted.ts';

/** No object has it (RFC 9562, the nil UUID), so no Job that carries it is taken for one of a sequence. */
export const PLACEHOLDER_UID = '00000000-0000-0000-0000-000000000000';

/** In place of the five random characters that follow a `generateName` (apiserver pkg/storage/names/generate.go). */
const PLACEHOLDER_SUFFIX = 'xxxxx';

export interface WithPlaceholders {
  readonly object: SequentialJob;
  /** For people: what is rendered, and what stands for something else. */
  readonly remarks: readonly string[];
}

interface GivenMetadata extends Partial<ObjectMeta> {
  readonly generateName?: string;
}

/** Completes a valid object as far as its Jobs need it. What it has it keeps: the UID of one from a cluster is real. */
export function withPlaceholders(object: SequentialJob): WithPlaceholders {
  const given: GivenMetadata = object.metadata;
  const room = NAME_MAX_LENGTH - PLACEHOLDER_SUFFIX.length;
  const name =
    nonEmptyString(given.name) ?? `${(nonEmptyString(given.generateName) ?? '').slice(0, room)}${PLACEHOLDER_SUFFIX}`;
  const namespace = nonEmptyString(given.namespace) ?? 'default';
  const uid = nonEmptyString(given.uid) ?? PLACEHOLDER_UID;
  const total = object.spec.containers.length;
  const what = `SequentialJob ${namespace}/${name}`;
  return {
    object: { ...object, metadata: { ...object.metadata, name, namespace, uid } },
    remarks: [
      total === 1
        ? `The Job of ${what}.`
        : `The ${total} Jobs of ${what}, each created when the one before it has completed.`,
      ...(nonEmptyString(given.name) === undefined ? [`${PLACEHOLDER_SUFFIX} stands for what generateName adds.`] : []),
      ...(uid === PLACEHOLDER_UID ? ABOUT_UID : []),
    ],
  };
}

const ABOUT_UID = [
  `${PLACEHOLDER_UID} stands for the SequentialJob's uid, which the API server gives it.`,
  'To read and to check (kubectl create --dry-run=server -f -), not to create: a Job whose owner does not exist is',
  'garbage-collected.',
] as const;
