/**
 * The API server as it meets the controller: requests fail, before or after they were carried out, the process that
 * sends one dies, and things happen between two of them. Around FakeApi, which keeps the objects.
 */
import { KIND } from '../../../../shared/api/group.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { objectPath, PERSISTENT_VOLUME_CLAIMS } from '../../../../shared/kube/resources.ts';
import { FakeApi, fault, jobPath, sequentialJobPath, type Stored } from '../../../support/fake-api.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import type { RawJob } from './cluster.ts';
import { CLAIM_NAME, REFUSED_IMAGE } from './scenario.ts';

export const NAME = 'etl';
export const OBJECT_PATH = sequentialJobPath(NAMESPACE, NAME);

export const claimPath = (name: string): string => objectPath(PERSISTENT_VOLUME_CLAIMS, NAMESPACE, name);

/** What becomes of one of the next requests. */
export type Mishap =
  | { readonly type: 'fault'; readonly code: ApiErrorCode; readonly after: boolean }
  | { readonly type: 'death'; readonly after: boolean }
  | { readonly type: 'meanwhile'; readonly happens: () => void | Promise<void> };

/** The sender of a request. */
export interface Sender {
  dead: boolean;
}

/** Is told of what the controller does, when it is certain that it is carried out. */
export interface Witness {
  readonly onCreateJob: (sender: Sender, job: RawJob) => void;
  /** A create is given up by its sender, and may arrive later. */
  readonly onHeldCreate: (sender: Sender, job: RawJob) => void;
  /** It has arrived, and was carried out. */
  readonly onLateCreate: (job: RawJob) => void;
  readonly onCreateClaim: () => void;
  readonly onPatchJob: (sender: Sender, job: RawJob, change: unknown) => void;
  readonly onDeleteJob: (job: RawJob) => void;
  readonly onDeleteObject: (object: SequentialJob) => void;
  readonly onStatus: (sender: Sender, before: SequentialJob, after: SequentialJob) => void;
  readonly onGone: () => void;
  /** The object as it was read. */
  readonly onRead: (sender: Sender, object: SequentialJob) => void;
}

/** Why no Job may be created for a while, in the API server's words. */
export type JobRefusal = 'quota' | 'slow quota' | 'permission';

const REFUSALS: Readonly<Record<JobRefusal, readonly [ApiErrorCode, number, (name: string) => string]>> = {
  quota: ['Forbidden', 403, (name) => `jobs.batch "${name}" is forbidden: exceeded quota: jobs, used: 1, limited: 1`],
  'slow quota': ['ServerError', 500, () => 'Internal error occurred: resource quota evaluation timed out'],
  permission: ['Forbidden', 403, () => 'jobs.batch is forbidden: User "operator" cannot create resource "jobs"'],
};

export interface ServerOptions {
  readonly now: () => number;
  readonly suspendsJobs: boolean;
  readonly witness: Witness;
}

export class Server {
  readonly api = new FakeApi();
  readonly #options: ServerOptions;
  /** By the number of the request. */
  #mishaps = new Map<number, Mishap>();
  #requests = 0;
  /** Some request went wrong. */
  hadMishap = false;
  /** No Job and no claim may be created. */
  refusal: JobRefusal | undefined;
  /** The next create of a Job or a claim is given up by its sender, and stays under way. */
  holdsNextCreate = false;
  readonly #held: ApiRequest[] = [];
  /** For so many stages the garbage collector has not looked. */
  gcDelay = 0;
  /** There is a ControllerRevision. */
  isRecorded = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get object(): SequentialJob | undefined {
    return this.api.get(OBJECT_PATH) as SequentialJob | undefined;
  }

  /** The claim is there, and is not that of a predecessor. */
  get ownsClaim(): boolean {
    const owner = this.api.get(claimPath(CLAIM_NAME))?.metadata.ownerReferences?.[0]?.uid;
    return owner !== undefined && owner === this.object?.metadata.uid;
  }

  /** Happens to the next request but `skip`. */
  plan(skip: number, mishap: Mishap): void {
    this.#mishaps.set(this.#requests + skip, mishap);
  }

  calm(): void {
    this.#mishaps.clear();
    this.holdsNextCreate = false;
    this.refusal = undefined;
  }

  /** The creates that were given up arrive. */
  async land(): Promise<void> {
    for (const request of this.#held.splice(0)) {
      try {
        if (request.path.endsWith('/jobs')) this.#options.witness.onLateCreate(await this.#create(request));
        else await this.#createClaim(request);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
  }

  async request(sender: Sender, request: ApiRequest): Promise<unknown> {
    const mishap = this.#take();
    if (mishap !== undefined) this.hadMishap = true;
    if (mishap?.type === 'meanwhile') await mishap.happens();
    const isBefore = mishap !== undefined && mishap.type !== 'meanwhile' && !mishap.after;
    if (mishap?.type === 'death' && isBefore) sender.dead = true;
    if (sender.dead) throw fault('Aborted').error;
    if (mishap?.type === 'fault' && isBefore) throw fault(mishap.code).error;
    const answer = structuredClone(await this.#serve(sender, request));
    if (mishap?.type === 'death') sender.dead = true;
    if (mishap?.type === 'death') throw fault('Aborted').error;
    if (mishap?.type === 'fault') throw fault(mishap.code).error;
    return answer;
  }

  #take(): Mishap | undefined {
    const mishap = this.#mishaps.get(this.#requests);
    this.#mishaps.delete(this.#requests++);
    return mishap;
  }

  #serve(sender: Sender, request: ApiRequest): unknown {
    const { method, path } = request;
    if (method === 'POST' && path.endsWith('/jobs')) {
      if (request.query?.['dryRun'] === undefined) return this.#createJob(sender, request);
      this.#refuse(request.body as RawJob);
    }
    if (method === 'POST' && path.endsWith('/persistentvolumeclaims')) return this.#createClaim(request);
    if (method === 'PATCH' && path.endsWith('/status')) return this.#patchStatus(sender, request);
    if (method === 'PATCH') return this.#merge(sender, request);
    if (method === 'DELETE') return this.#delete(request);
    return this.#pass(sender, request);
  }

  async #pass(sender: Sender, request: ApiRequest): Promise<unknown> {
    const answer = await this.api.client.request<Stored>(request);
    if (request.method === 'POST' && request.path.endsWith('/controllerrevisions')) this.isRecorded = true;
    if (request.path === OBJECT_PATH) this.#options.witness.onRead(sender, answer as unknown as SequentialJob);
    return answer;
  }

  async #createClaim(request: ApiRequest): Promise<unknown> {
    this.#refuse(request.body as Stored);
    if (request.query?.['dryRun'] === undefined && this.holdsNextCreate) {
      this.holdsNextCreate = false;
      this.hadMishap = true;
      this.#held.push(request);
      throw fault('Timeout').error;
    }
    const made = await this.api.client.request(request);
    if (request.query?.['dryRun'] === undefined) this.#options.witness.onCreateClaim();
    return made;
  }

  async #createJob(sender: Sender, request: ApiRequest): Promise<RawJob> {
    if (this.holdsNextCreate) {
      this.holdsNextCreate = false;
      this.hadMishap = true;
      this.#held.push(request);
      const body = request.body as RawJob;
      // One whose name is taken creates nothing now.
      if (this.api.get(jobPath(NAMESPACE, body.metadata.name)) === undefined)
        this.#options.witness.onHeldCreate(sender, body);
      throw fault('Timeout').error;
    }
    const job = await this.#create(request);
    this.#options.witness.onCreateJob(sender, job);
    return job;
  }

  async #create(request: ApiRequest): Promise<RawJob> {
    const body = request.body as RawJob;
    this.#refuse(body);
    if (body.spec.template.spec.containers[0]?.image === REFUSED_IMAGE) {
      throw new ApiError('Forbidden', 'the policy refuses the image', { status: 403 });
    }
    const made = await this.api.client.request<RawJob>(request);
    const metadata = { ...made.metadata, creationTimestamp: toTimestamp(this.#options.now()) };
    return this.api.put(`${request.path}/${made.metadata.name}`, { ...made, metadata }) as RawJob;
  }

  #refuse({ metadata }: Stored): void {
    if (this.refusal === undefined) return;
    const [code, status, words] = REFUSALS[this.refusal];
    throw new ApiError(code, words(metadata.name), { status });
  }

  async #patchStatus(sender: Sender, request: ApiRequest): Promise<unknown> {
    const before = this.object;
    const [first] = request.body as readonly { readonly value?: unknown }[];
    // A real server applies the patch first, which may fail for that very reason.
    if (before !== undefined && first?.value !== before.metadata.resourceVersion) throw fault('Conflict').error;
    const answer = await this.api.client.request(request);
    if (before !== undefined && this.object !== undefined) this.#options.witness.onStatus(sender, before, this.object);
    return answer;
  }

  #merge(sender: Sender, { path, body }: ApiRequest): unknown {
    const before = this.api.get(path);
    if (before === undefined) throw new ApiError('NotFound', `${path} not found`, { status: 404 });
    const after = merged(before, body) as Stored;
    const { uid, resourceVersion, finalizers = [], deletionTimestamp } = after.metadata;
    if (uid !== before.metadata.uid || resourceVersion !== before.metadata.resourceVersion)
      throw fault('Conflict').error;
    const isObject = before.kind === KIND;
    if (isObject && deletionTimestamp !== undefined && finalizers.length === 0) {
      this.#options.witness.onGone();
      this.api.remove(path);
      return after;
    }
    const kept = isObject || this.#options.suspendsJobs ? after : withoutSuspend(after);
    if (!isObject) this.#options.witness.onPatchJob(sender, before as RawJob, body);
    return same(kept, before) ? before : this.api.put(path, kept);
  }

  async #delete(request: ApiRequest): Promise<unknown> {
    const before = this.api.get(request.path);
    const answer = await this.api.client.request(request);
    if (before?.kind === 'ControllerRevision') this.isRecorded = false;
    if (before?.kind === 'Job') this.#options.witness.onDeleteJob(before as RawJob);
    if (before?.kind === KIND) {
      this.#options.witness.onDeleteObject(before as unknown as SequentialJob);
      if (this.object === undefined) this.#options.witness.onGone();
    }
    return answer;
  }

  /** The garbage collector: what is owned by an object that is gone goes too. True where something went. */
  collect(): boolean {
    const owner = this.object?.metadata.uid;
    if (this.gcDelay > 0) return this.gcDelay-- > 0;
    let found = false;
    for (const { kind, metadata } of [...this.api.jobs(), ...this.api.ofKind('PersistentVolumeClaim')]) {
      const reference = metadata.ownerReferences?.find((one) => one.kind === KIND);
      if (reference !== undefined && reference.uid !== owner) {
        this.api.remove(kind === 'Job' ? jobPath(NAMESPACE, metadata.name) : claimPath(metadata.name));
        found = true;
      }
    }
    return found;
  }
}

function withoutSuspend(job: Stored): Stored {
  const { suspend: _, ...spec } = (job as RawJob).spec;
  return { ...job, spec };
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(typeof target === 'object' && target !== null ? target : {}) };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else result[field] = merged(result[field], value);
  }
  return result;
}
