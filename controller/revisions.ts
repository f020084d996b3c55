/**
 * Keeps the spec of a running sequence, to compare it with changes that bypassed the webhook: in memory for every
 * running sequence, and as an apps/v1 ControllerRevision for the few that need it after a restart. Reasons:
 * docs/adr/0008-running-on-with-what-was-recorded.md.
 */
import { LABELS, MANAGER, NAME_MAX_LENGTH } from '../shared/api/group.ts';
import { fnv1a } from '../shared/api/hash.ts';
import { isSequentialJobController } from '../shared/api/job.ts';
import type { ObjectMeta, SequentialJob, SequentialJobSpec } from '../shared/api/types.ts';
import { ConversionError, toV1beta1Spec } from '../shared/conversion/index.ts';
import { ownerReference } from '../shared/jobs/job.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { ApiError, isApiError } from '../shared/kube/errors.ts';
import { collectionPath, CONTROLLER_REVISIONS, objectPath } from '../shared/kube/resources.ts';
import type { Log } from '../shared/log.ts';
import type { SpecChange } from './decide/index.ts';
import { immutablePart } from '../shared/validation/effective-spec.ts';
import { jsonEqual } from '../shared/json/json-equal.ts';
import { asInteger, asObject } from '../shared/json/untrusted.ts';

export interface RevisionsDeps {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn'>;
}

/** The spec that a sequence runs. */
export interface RecordedSpec {
  /** The generation of the object that the spec is for. */
  readonly generation: number;
  readonly spec: SequentialJobSpec;
}

export interface TrackedSpec extends RecordedSpec {
  /**
   * Whether a ControllerRevision of this sequence exists. Then every accepted change must be recorded as well: after a
   * restart the sequence has progressed, and a change that was legal when it was made would be refused against an older
   * record.
   */
  readonly recorded: boolean;
  /** An earlier process may have created a ControllerRevision. */
  readonly mayBeRecorded?: true;
  /** The stored spec differs and was refused. */
  readonly isOverridden?: boolean;
  /** The verdict on the change to this generation; reported with the status that observes the generation. */
  readonly change?: SpecChange;
}

/** The parts of a ControllerRevision that are read; not validated. */
interface Revision {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'ownerReferences'>;
  readonly data?: unknown;
  readonly revision?: unknown;
}

const WARNING = {
  read: 'ControllerRevisions cannot be read: after a restart, a spec that was changed past the webhook is followed',
  write: 'the spec of a running sequence was not recorded: after a restart, a change past the webhook is followed',
} as const;

/** Approximate memory limit of specs that the cache no longer holds, in bytes. */
const MAX_OUTDATED_BYTES = 32 * 1024 * 1024;

export class Revisions {
  readonly #client: ApiClient;
  readonly #log: Pick<Log, 'warn'>;
  /** By the object's UID. Unless a change was refused, the specs are shared with the cache and cost no memory. */
  readonly #tracked = new Map<string, TrackedSpec>();
  /** Approximate memory of the specs that the cache no longer holds, in bytes, by the object's UID, oldest first. */
  readonly #outdated = new Map<string, number>();
  #outdatedWeight = 0;
  /** Warnings already logged: a missing permission once for all objects, any other refusal once for each object. */
  readonly #logged = new Set<string>();

  constructor(deps: RevisionsDeps) {
    this.#client = deps.client;
    this.#log = deps.log;
  }

  /** The spec kept in memory. */
  tracked(uid: string): TrackedSpec | undefined {
    return this.#tracked.get(uid);
  }

  track(uid: string, known: TrackedSpec): void {
    this.#tracked.set(uid, known);
    if (known.isOverridden !== true) this.#setOutdatedBytes(uid, 0);
  }

  /**
   * The cache has replaced this spec, of `weight` bytes, so the tracked one is the only copy. All such copies share a
   * memory limit: beyond it the oldest is released, as after a restart.
   */
  outdate(uid: string, weight: number): void {
    if (!this.#tracked.has(uid) || this.#outdated.has(uid)) return;
    this.#setOutdatedBytes(uid, weight);
    while (this.#outdatedWeight > MAX_OUTDATED_BYTES) {
      const [oldest] = this.#outdated.keys();
      if (oldest === undefined) return;
      this.release(oldest);
    }
  }

  /** Drops the spec of an existing sequence for lack of memory. */
  release(uid: string): void {
    this.#tracked.delete(uid);
    this.#setOutdatedBytes(uid, 0);
  }

  /**
   * For a sequence that has finished or was deleted. The garbage collector deletes its ControllerRevision with the
   * object.
   */
  forget(uid: string): void {
    this.release(uid);
    this.#logged.delete(uid);
  }

  #setOutdatedBytes(uid: string, weight: number): void {
    this.#outdatedWeight += weight - (this.#outdated.get(uid) ?? 0);
    this.#outdated.delete(uid);
    if (weight > 0) this.#outdated.set(uid, weight);
  }

  /**
   * Reads the ControllerRevision with one GET; undefined if there is none, if it has another owner, and if the API
   * server does not permit to read it (logged once). Evaluate it against the object (`heldSpec`) before use: fields
   * that may change at any time have old values. Rejects with ApiError for transient errors.
   */
  async load(object: SequentialJob): Promise<RecordedSpec | undefined> {
    try {
      const revision = await this.#read(object);
      return revision !== undefined && isOwnedBy(object, revision) ? parseRecordedSpec(revision) : undefined;
    } catch (error) {
      this.#logOnce(object, WARNING.read, error);
      return undefined;
    }
  }

  /**
   * Writes the ControllerRevision: one POST if there is none. An existing one with the same immutable fields stays,
   * with its generation; any other is replaced, because the data of a ControllerRevision is immutable. If the API
   * server refuses it, or another owner has the name, this is logged once and the sequence continues without a record.
   * Rejects with ApiError for transient errors; may be repeated.
   */
  async record(object: SequentialJob, spec: SequentialJobSpec, generation: number): Promise<void> {
    try {
      await this.#write(object, { spec, generation });
    } catch (error) {
      this.#logOnce(object, WARNING.write, error);
    }
  }

  async #write(object: SequentialJob, recorded: RecordedSpec): Promise<void> {
    if (await this.#create(object, recorded)) return;
    const existing = await this.#read(object);
    if (existing !== undefined) {
      if (!isOwnedBy(object, existing)) throw nameConflict(existing);
      if (hasSameSpec(existing, recorded)) return;
      await this.#delete(existing);
    }
    if (await this.#create(object, recorded)) return;
    // A finalizer blocks the deletion, or another controller has created it: the retry finds it deleted or equal.
    throw new ApiError('Conflict', `ControllerRevision "${revisionName(object)}" is still there`);
  }

  /** False if the name exists. */
  async #create(object: SequentialJob, recorded: RecordedSpec): Promise<boolean> {
    try {
      await this.#client.request({
        method: 'POST',
        path: collectionPath(CONTROLLER_REVISIONS, object.metadata.namespace),
        query: { fieldManager: MANAGER },
        body: manifest(object, recorded),
      });
      return true;
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return false;
      throw error;
    }
  }

  async #read(object: SequentialJob): Promise<Revision | undefined> {
    try {
      const path = objectPath(CONTROLLER_REVISIONS, object.metadata.namespace, revisionName(object));
      return await this.#client.request<Revision>({ method: 'GET', path });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #delete({ metadata: { namespace, name, uid } }: Revision): Promise<void> {
    try {
      await this.#client.request({
        method: 'DELETE',
        path: objectPath(CONTROLLER_REVISIONS, namespace, name),
        body: { propagationPolicy: 'Background', preconditions: { uid } },
      });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /**
   * Logs a permanent error; throws a transient one again. In a terminating namespace the sequences are deleted, too.
   */
  #logOnce({ metadata }: SequentialJob, warning: string, error: unknown): void {
    if (!isApiError(error) || error.transient) throw error;
    if (error.code === 'NotFound' || error.causes.some(({ reason }) => reason === 'NamespaceTerminating')) return;
    const about = error.code === 'Forbidden' ? warning : metadata.uid;
    if (this.#logged.has(about)) return;
    this.#logged.add(about);
    const { namespace, name } = metadata;
    this.#log.warn({ namespace, name, code: error.code, err: error.message }, warning);
  }
}

/** `<name>-<hash of the uid>`: a later object of the same name gets another record. Only the name is truncated. */
function revisionName({ metadata }: SequentialJob): string {
  const tail = `-${fnv1a(metadata.uid)}`;
  const head = metadata.name.slice(0, NAME_MAX_LENGTH - tail.length).replace(/(?<![-.])[-.]+$/, '');
  return `${head}${tail}`;
}

function manifest(object: SequentialJob, { spec, generation }: RecordedSpec): unknown {
  const { namespace, name, uid } = object.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: revisionName(object),
      namespace,
      labels: { [LABELS.managedBy]: MANAGER, [LABELS.name]: name, [LABELS.uid]: uid },
      ownerReferences: [ownerReference(object)],
    },
    data: { spec },
    revision: generation,
  };
}

function isOwnedBy({ metadata: { uid } }: SequentialJob, { metadata: { ownerReferences = [] } }: Revision): boolean {
  return ownerReferences.some((owner) => isSequentialJobController(owner) && owner.uid === uid);
}

/** The spec in v1beta1; an earlier version of the operator recorded it in v1alpha1. Undefined if it is malformed. */
function toStoredSpec(spec: unknown): unknown {
  if (!Array.isArray(asObject<{ containers: unknown }>(spec)?.containers)) return spec;
  try {
    return toV1beta1Spec(spec);
  } catch (error) {
    if (error instanceof ConversionError) return undefined;
    throw error;
  }
}

/** The recorded spec; undefined if the data is malformed. */
function parseRecordedSpec({ data, revision }: Revision): RecordedSpec | undefined {
  const spec = asObject<SequentialJobSpec>(toStoredSpec(asObject<{ spec: unknown }>(data)?.spec));
  if (!Array.isArray(spec?.steps)) return undefined;
  return { generation: asInteger(revision) ?? 0, spec: spec as SequentialJobSpec };
}

/** Compares only immutable fields: all others are read from the object whenever the record is used. */
function hasSameSpec(revision: Revision, { spec }: RecordedSpec): boolean {
  const existing = parseRecordedSpec(revision);
  return existing !== undefined && jsonEqual(immutablePart(existing.spec), immutablePart(spec));
}

function nameConflict({ metadata: { name } }: Revision): ApiError {
  return new ApiError(
    'AlreadyExists',
    `a ControllerRevision named "${name}" exists already and is not this sequence's`,
  );
}
