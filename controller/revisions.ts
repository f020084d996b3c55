/**
 * What a sequence was started with, kept against a change of its spec that no webhook has judged: in memory for every
 * sequence that runs, and in the API, as an apps/v1 ControllerRevision, for the few that need it after a restart. Why so:
 * docs/adr/0008-running-on-with-what-was-recorded.md.
 */
import { LABELS, MANAGER, NAME_MAX_LENGTH } from '../shared/api/group.ts';
import { fnv1a } from '../shared/api/hash.ts';
import { isSequentialJobController } from '../shared/api/job.ts';
import type { ObjectMeta, SequentialJob, SequentialJobSpec } from '../shared/api/types.ts';
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
  /** The generation of the object for which that was decided. */
  readonly generation: number;
  readonly spec: SequentialJobSpec;
}

export interface TrackedSpec extends RecordedSpec {
  /**
   * Whether the API has a record of this sequence. Then every accepted change must be recorded as well: after a restart
   * the sequence has come further, and a change that was legal when it was made would be held against an older record.
   */
  readonly recorded: boolean;
  /** An earlier process may have made one. */
  readonly mayBeRecorded?: true;
  /** The object says another spec, which was refused. */
  readonly isOverridden?: boolean;
  /** What became of the change to this generation; it is told of with the status that speaks of it. */
  readonly change?: SpecChange;
}

/** The parts of a ControllerRevision that are read; nobody has checked them. */
interface Revision {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'ownerReferences'>;
  readonly data?: unknown;
  readonly revision?: unknown;
}

const WARNING = {
  read: 'ControllerRevisions cannot be read: after a restart, a spec that was changed past the webhook is followed',
  write: 'the spec of a running sequence was not recorded: after a restart, a change past the webhook is followed',
} as const;

/** What may be remembered that is not in the cache any more, in bytes of memory, about. */
const MAX_OUTDATED_BYTES = 32 * 1024 * 1024;

export class Revisions {
  readonly #client: ApiClient;
  readonly #log: Pick<Log, 'warn'>;
  /** By the object's UID. The specs are those of the cache where nothing was refused: they cost no memory. */
  readonly #tracked = new Map<string, TrackedSpec>();
  /** What the specs take that nobody else keeps any more, in bytes of memory, about, by the object's UID, oldest first. */
  readonly #outdated = new Map<string, number>();
  #outdatedWeight = 0;
  /** What has been said in the log: a permission once for all objects, any other refusal once for each. */
  readonly #logged = new Set<string>();

  constructor(deps: RevisionsDeps) {
    this.#client = deps.client;
    this.#log = deps.log;
  }

  /** What is remembered in memory. */
  tracked(uid: string): TrackedSpec | undefined {
    return this.#tracked.get(uid);
  }

  track(uid: string, known: TrackedSpec): void {
    this.#tracked.set(uid, known);
    if (known.isOverridden !== true) this.#weigh(uid, 0);
  }

  /**
   * The spec that is remembered, of so many bytes, is not the object's any more. All such specs have their room together: where
   * that is used up the oldest is released, as after a restart.
   */
  outdate(uid: string, weight: number): void {
    if (!this.#tracked.has(uid) || this.#outdated.has(uid)) return;
    this.#weigh(uid, weight);
    while (this.#outdatedWeight > MAX_OUTDATED_BYTES) {
      const [oldest] = this.#outdated.keys();
      if (oldest === undefined) return;
      this.release(oldest);
    }
  }

  /** For a sequence that is still there, and whose spec there is no room for. */
  release(uid: string): void {
    this.#tracked.delete(uid);
    this.#weigh(uid, 0);
  }

  /** For a sequence that has finished or is gone. Its record goes with its object. */
  forget(uid: string): void {
    this.release(uid);
    this.#logged.delete(uid);
  }

  #weigh(uid: string, weight: number): void {
    this.#outdatedWeight += weight - (this.#outdated.get(uid) ?? 0);
    this.#outdated.delete(uid);
    if (weight > 0) this.#outdated.set(uid, weight);
  }

  /**
   * The record in the API, one GET; undefined when there is none, when it is of another owner, and when the API server
   * won't show it, which the log says once. Judge it against the object (`effectiveSpec`) before it is run: what may change
   * at any time is as it was then. Rejects with ApiError for what may pass.
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
   * Writes the record: one POST where there is none. One that says the same of what is frozen stays, with its
   * generation; any other is replaced, because the data of a ControllerRevision can't be changed. Where the API server
   * won't have it, or the name is somebody else's, the log says so once, and the sequence is to run on without. Rejects
   * with ApiError for what may pass; may be repeated.
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
    const there = await this.#read(object);
    if (there !== undefined) {
      if (!isOwnedBy(object, there)) throw nameConflict(there);
      if (hasSameSpec(there, recorded)) return;
      await this.#delete(there);
    }
    if (await this.#create(object, recorded)) return;
    // Held by a finalizer, or another controller was quicker: later on it is gone, or says the same.
    throw new ApiError('Conflict', `ControllerRevision "${revisionName(object)}" is still there`);
  }

  /** False where the name is taken. */
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

  /** Says what asking again cannot cure; anything else is thrown again. A namespace that goes takes its sequences along. */
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

/** `<name>-<hash of the uid>`: a later object of the same name gets another record. The hash stays whole. */
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

/** What the record says; undefined where it makes no sense: then it is as good as none. */
function parseRecordedSpec({ data, revision }: Revision): RecordedSpec | undefined {
  const spec = asObject<SequentialJobSpec>(asObject<{ spec: unknown }>(data)?.spec);
  if (!Array.isArray(spec?.containers)) return undefined;
  return { generation: asInteger(revision) ?? 0, spec: spec as SequentialJobSpec };
}

/** What may change at any time is read off the object whenever a record is used: no reason to replace one. */
function hasSameSpec(revision: Revision, { spec }: RecordedSpec): boolean {
  const there = parseRecordedSpec(revision);
  return there !== undefined && jsonEqual(immutablePart(there.spec), immutablePart(spec));
}

function nameConflict({ metadata: { name } }: Revision): ApiError {
  return new ApiError(
    'AlreadyExists',
    `a ControllerRevision named "${name}" exists already and is not this sequence's`,
  );
}
