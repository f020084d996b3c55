/**
 * The little of an API server that the controller needs, in memory: SequentialJobs, Jobs and Events with resource
 * versions, finalizers and preconditions. A test may let any request fail, before or after it was carried out.
 */
import jsonpatch, { type Operation } from 'fast-json-patch';
import { API_VERSION, LABELS, PLURAL } from '../../shared/api/group.ts';
import type { ObservedJob } from '../../shared/api/job.ts';
import type { ObjectMeta, SequentialJob } from '../../shared/api/types.ts';
import type { ApiRequest } from '../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../shared/kube/errors.ts';
import { FakeClient } from './fake-client.ts';
import { NOW } from './objects.ts';

export interface Stored {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface Fault {
  readonly error: ApiError;
  /** True: the request is carried out, and only its answer is lost. */
  readonly after: boolean;
}

/** The HTTP status of the codes that come with an answer. */
const STATUS: Readonly<Partial<Record<ApiErrorCode, number>>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Unexpected: 413,
  Invalid: 422,
  TooManyRequests: 429,
  ServerError: 500,
};

export function fault(code: ApiErrorCode, after = false): Fault {
  return { error: new ApiError(code, `it was ${code}`, { status: STATUS[code] }), after };
}

/** In words: `is applied without an answer (Timeout)`. */
export const describeFault = ({ error: { code }, after }: Fault): string =>
  `${after ? 'is applied without an answer' : 'is not carried out'} (${code})`;

export class FakeApi {
  readonly client = new FakeClient({ request: (request) => this.#serve(request) });
  /** By path. */
  readonly #objects = new Map<string, Stored>();
  /** Asked before each request. */
  intercept: (request: ApiRequest, number: number) => Fault | undefined = () => undefined;
  /** Its admission and validation of what is created. */
  refuse: (object: Stored) => ApiError | undefined = () => undefined;
  /** Each request that was carried out: `POST jobs`, `PATCH sequentialjobs/status`, … */
  readonly done: string[] = [];
  /** The last state of each object that is gone, by its UID: a watch tells it with the deletion. */
  readonly gone = new Map<string, Stored>();
  /** Whether it knows `spec.suspend` of a Job; else it drops it, as servers before 1.22 do. */
  suspendsJobs = true;
  /** RFC 3339. */
  now = NOW;
  #version = 1000;

  /** The version of the last write: that of a list made now. */
  get version(): string {
    return String(this.#version);
  }

  put(path: string, object: Stored): Stored {
    this.#version++;
    const isStripped = object.kind === 'Job' && !this.suspendsJobs;
    const stored = structuredClone({
      ...(isStripped ? withoutSuspend(object) : object),
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    });
    this.#objects.set(path, stored);
    return stored;
  }

  putSequentialJob(object: SequentialJob): SequentialJob {
    const { namespace, name } = object.metadata;
    // Of its fields the spec is the client's: the finalizer is brought by the webhook.
    const managedFields = [{ manager: 'kubectl', operation: 'Apply', fieldsV1: { 'f:spec': {} } }];
    const stored = { ...object, metadata: { managedFields, ...object.metadata } };
    return this.put(sequentialJobPath(namespace, name), stored) as unknown as SequentialJob;
  }

  putJob(job: ObservedJob, labels: Readonly<Record<string, string>> = watched(job)): Stored {
    const { namespace, name } = job.metadata;
    const metadata = { ...job.metadata, labels };
    return this.put(jobPath(namespace, name), { apiVersion: 'batch/v1', kind: 'Job', metadata, status: job.status });
  }

  get(path: string): Stored | undefined {
    return this.#objects.get(path);
  }

  sequentialJob(namespace: string, name: string): SequentialJob | undefined {
    return this.#objects.get(sequentialJobPath(namespace, name)) as unknown as SequentialJob | undefined;
  }

  ofKind(wanted: string): readonly Stored[] {
    return [...this.#objects.values()].filter(({ kind }) => kind === wanted);
  }

  jobs(): readonly Stored[] {
    return this.ofKind('Job');
  }

  /** The user's part: another spec, and with it another generation. */
  edit(namespace: string, name: string, change: Partial<SequentialJob['spec']>): SequentialJob {
    const object = this.sequentialJob(namespace, name);
    if (object === undefined) throw new Error(`there is no SequentialJob ${name}`);
    const { metadata, spec } = object;
    const generation = (metadata.generation ?? 0) + 1;
    return this.putSequentialJob({ ...object, metadata: { ...metadata, generation }, spec: { ...spec, ...change } });
  }

  /** The Job controller's part: the Job gets this status. */
  setJobStatus(path: string, status: ObservedJob['status']): Stored {
    const job = this.#objects.get(path);
    if (job === undefined) throw new Error(`there is no ${path}`);
    return this.put(path, { ...job, status });
  }

  remove(path: string): void {
    const object = this.#objects.get(path);
    if (object !== undefined) this.gone.set(object.metadata.uid, object);
    this.#objects.delete(path);
  }

  #serve(request: ApiRequest): unknown {
    const planned = this.intercept(request, this.client.requests.length - 1);
    if (planned !== undefined && !planned.after) throw planned.error;
    const answer = this.#carryOut(request);
    this.done.push(describeRequest(request));
    if (planned !== undefined) throw planned.error;
    return structuredClone(answer);
  }

  #carryOut(request: ApiRequest): Stored {
    switch (request.method) {
      case 'GET':
        if (request.query?.['fieldSelector'] !== undefined) return this.#listAbout(request);
        return request.query?.['labelSelector'] === undefined ? this.#find(request.path) : this.#list(request);
      case 'POST':
        return this.#create(request);
      case 'PATCH':
        return this.#patch(request);
      case 'DELETE':
        return this.#delete(request);
      case 'PUT':
        throw new Error('not expected: PUT');
    }
  }

  /** The Events about the object whose UID the selector names. */
  #listAbout({ path, query }: ApiRequest): Stored {
    const uid = /^involvedObject\.uid=(.+)$/.exec(String(query?.['fieldSelector']))?.[1];
    const aboutOf = (object: Stored): unknown => (object['involvedObject'] as { uid?: unknown } | undefined)?.uid;
    const items = [...this.#objects.entries()]
      .filter(([at, object]) => at.startsWith(`${path}/`) && aboutOf(object) === uid)
      .map(([, object]) => object);
    const metadata = { resourceVersion: this.version } as ObjectMeta;
    return { apiVersion: 'v1', kind: 'List', metadata, items };
  }

  #list({ path, query }: ApiRequest): Stored {
    const wanted = String(query?.['labelSelector'])
      .split(',')
      .map((part) => part.split('='));
    const isWanted = ({ metadata: { labels } }: Stored): boolean =>
      wanted.every(([key = '', value]) => labels?.[key] === value);
    const items = [...this.#objects].flatMap(([at, object]) =>
      at.startsWith(`${path}/`) && isWanted(object) ? [object] : [],
    );
    // A list has no name of its own.
    const metadata = { resourceVersion: this.version } as ObjectMeta;
    return { apiVersion: 'v1', kind: 'List', metadata, items };
  }

  #find(path: string): Stored {
    const object = this.#objects.get(path);
    if (object === undefined) throw new ApiError('NotFound', `${path} not found`, { status: 404 });
    return object;
  }

  #create({ path, body, query }: ApiRequest): Stored {
    const object = body as Stored;
    const at = `${path}/${object.metadata.name}`;
    const refusal = this.refuse(object);
    if (refusal !== undefined) throw refusal;
    if (this.#objects.has(at)) throw new ApiError('AlreadyExists', `${at} already exists`, { status: 409 });
    if (query?.['dryRun'] === 'All') return object;
    const metadata = { ...object.metadata, uid: `uid-${this.#version + 1}`, creationTimestamp: this.now };
    return this.put(at, { ...object, metadata });
  }

  #patch({ path, body, contentType }: ApiRequest): Stored {
    const isStatus = path.endsWith('/status');
    const at = isStatus ? path.slice(0, -'/status'.length) : path;
    const before = this.#find(at);
    const patched =
      contentType?.startsWith('application/json-patch') === true
        ? jsonPatched(before, body)
        : (merged(before, body) as Stored);
    if (patched.metadata.uid !== before.metadata.uid) {
      throw new ApiError('Conflict', 'the UID is another', { status: 409 });
    }
    if (patched.metadata.resourceVersion !== before.metadata.resourceVersion) {
      throw new ApiError('Conflict', 'the object has been modified', { status: 409 });
    }
    const { status: beforeStatus, ...rest } = before;
    const { status, ...changed } = patched;
    const after = isStatus
      ? { ...rest, status }
      : { ...changed, ...(beforeStatus === undefined ? {} : { status: beforeStatus }) };
    // The last finalizer goes with the object, and the answer has the version of before, as on a real server.
    return this.#collect(at, after) ? after : this.put(at, after);
  }

  #delete({ path, body }: ApiRequest): Stored {
    const object = this.#find(path);
    const { preconditions, propagationPolicy } = body as {
      readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
      readonly propagationPolicy?: string;
    };
    if (preconditions?.uid !== undefined && preconditions.uid !== object.metadata.uid) {
      throw new ApiError('Conflict', 'the UID is another', { status: 409 });
    }
    const { resourceVersion = object.metadata.resourceVersion } = preconditions ?? {};
    if (resourceVersion !== object.metadata.resourceVersion) {
      throw new ApiError('Conflict', 'the resource version is another', { status: 409 });
    }
    const own = object.metadata.finalizers ?? [];
    const finalizers = propagationPolicy === 'Foreground' ? [...own, 'foregroundDeletion'] : own;
    const metadata = {
      ...object.metadata,
      finalizers,
      deletionTimestamp: object.metadata.deletionTimestamp ?? this.now,
    };
    const stored = this.put(path, { ...object, metadata });
    return this.#collect(path, stored) ? { apiVersion: 'v1', kind: 'Status', metadata: stored.metadata } : stored;
  }

  /** True where the object is gone: it was being deleted, and nothing holds it any more. */
  #collect(path: string, { metadata }: Stored): boolean {
    if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return false;
    this.#objects.delete(path);
    return true;
  }
}

export function sequentialJobPath(namespace: string, name: string): string {
  return `/apis/${API_VERSION}/namespaces/${namespace}/${PLURAL}/${name}`;
}

export function jobPath(namespace: string, name: string): string {
  return `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`;
}

/** `PATCH sequentialjobs/status`, `POST jobs (dry run)`: method and kind of a request, without names. */
export function describeRequest({ method, path, query }: ApiRequest): string {
  const [, plural = '', , subresource] = path
    .split(/\/namespaces\/[^/]+\//)
    .flatMap((part, i) => (i === 0 ? [part] : part.split('/')));
  const dryRun = query?.['dryRun'] === undefined ? '' : ' (dry run)';
  return `${method} ${plural}${subresource === undefined ? '' : `/${subresource}`}${dryRun}`;
}

function watched({ metadata }: ObservedJob): Readonly<Record<string, string>> {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  return owner === undefined ? {} : { [LABELS.uid]: owner.uid };
}

function jsonPatched(before: Stored, body: unknown): Stored {
  return jsonpatch.applyPatch(structuredClone(before), body as readonly Operation[]).newDocument;
}

/** RFC 7386. */
function merged(before: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const after = new Map(Object.entries(isRecord(before) ? before : {}));
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) after.delete(field);
    else after.set(field, merged(after.get(field), value));
  }
  return Object.fromEntries(after);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a server before 1.22 keeps of a Job. */
function withoutSuspend(object: Stored): Stored {
  const { suspend: _, ...spec } = (object['spec'] ?? {}) as Readonly<Record<string, unknown>>;
  return { ...object, spec };
}
