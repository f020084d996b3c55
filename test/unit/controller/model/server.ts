/**
 * The API server as it meets the controller: requests fail, before or after they were carried out, the process that
 * sends one dies, and things happen between two of them. Around FakeApi, which keeps the objects.
 */
import { KIND } from '../../../../shared/api/group.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { SequentialJob } from '../../../../shared/api/types.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { FakeApi, fault, jobPath, sequentialJobPath, type Stored } from '../../../support/fake-api.ts';
import { NAMESPACE } from '../../../support/objects.ts';
import type { RawJob } from './cluster.ts';
import { REFUSED_IMAGE } from './scenario.ts';

export const NAME = 'etl';
export const OBJECT_PATH = sequentialJobPath(NAMESPACE, NAME);

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
  readonly onPatchJob: (sender: Sender, job: RawJob, change: unknown) => void;
  readonly onDeleteJob: (job: RawJob) => void;
  readonly onDeleteObject: (object: SequentialJob) => void;
  readonly onStatus: (sender: Sender, before: SequentialJob, after: SequentialJob) => void;
  readonly onGone: () => void;
  /** The object as it was read. */
  readonly onRead: (sender: Sender, object: SequentialJob) => void;
}

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
  /** There is a ControllerRevision. */
  isRecorded = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  get object(): SequentialJob | undefined {
    return this.api.get(OBJECT_PATH) as SequentialJob | undefined;
  }

  /** Happens to the next request but `skip`. */
  plan(skip: number, mishap: Mishap): void {
    this.#mishaps.set(this.#requests + skip, mishap);
  }

  calm(): void {
    this.#mishaps.clear();
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
    if (method === 'POST' && path.endsWith('/jobs') && request.query?.['dryRun'] === undefined)
      return this.#createJob(sender, request);
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

  async #createJob(sender: Sender, request: ApiRequest): Promise<Stored> {
    const body = request.body as RawJob;
    if (body.spec.template.spec.containers[0]?.image === REFUSED_IMAGE) {
      throw new ApiError('Forbidden', 'the policy refuses the image', { status: 403 });
    }
    const made = await this.api.client.request<RawJob>(request);
    const at = toTimestamp(this.#options.now());
    const job = this.api.put(`${request.path}/${made.metadata.name}`, {
      ...made,
      metadata: { ...made.metadata, creationTimestamp: at },
    });
    this.#options.witness.onCreateJob(sender, job as RawJob);
    return job;
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
    let found = false;
    for (const job of this.api.jobs()) {
      const reference = job.metadata.ownerReferences?.find(({ kind }) => kind === KIND);
      if (reference !== undefined && reference.uid !== owner) {
        this.api.remove(jobPath(NAMESPACE, job.metadata.name));
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
