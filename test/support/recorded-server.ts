/**
 * An API server that goes on as a recorded one did. What others wrote (the user, the Job controller, the kubelet) is
 * brought by `step`, in the recorded order; what the controller under test asks of a Job is answered with the recorded
 * state of that Job; the status of the SequentialJob is what the controller under test has written, never the recorded
 * one. All states get resource versions of this server, in the order in which they come to be.
 */
import type { Readable } from 'node:stream';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { ApiRequest, Query, StreamRequest } from '../../shared/kube/client.ts';
import { FakeApi, jobPath, sequentialJobPath, type Stored } from './fake-api.ts';
import { FakeClient, FakeWatch } from './fake-client.ts';
import type { Recorded } from './recording.ts';
import { isSelected } from './selectors.ts';

interface OpenWatch {
  readonly watch: FakeWatch;
  readonly query: Query;
}

type Fields = Readonly<Record<string, unknown>>;

export class RecordedServer {
  readonly client = new FakeClient({
    request: (request) => this.#serve(request),
    stream: (request) => this.#watch(request),
  });
  /** Told of each request that was carried out, but for lists and dry runs. */
  onRequest: (request: ApiRequest) => void = () => undefined;
  /** How many events the watches have brought, by plural. */
  readonly heard: Record<string, number> = {};
  readonly #api = new FakeApi();
  readonly #coming: Recorded[];
  /** By plural: a controller has one watch of each. */
  readonly #watches = new Map<string, OpenWatch>();

  constructor(recording: readonly Recorded[]) {
    this.#coming = [...recording];
  }

  /** What others write next; undefined at the end. */
  get next(): Recorded | undefined {
    return this.#coming[0];
  }

  /** Whether what comes next is the answer to a request that the controller has still to make. */
  get isAwaiting(): boolean {
    const { next } = this;
    return next?.object.kind === 'Job' && next.type !== 'DELETED' && this.#isAsked(next.object);
  }

  sequentialJob(namespace: string, name: string): SequentialJob {
    const object = this.#api.sequentialJob(namespace, name);
    if (object === undefined) throw new Error(`there is no SequentialJob ${name}`);
    return object;
  }

  /** As it is now; undefined: there is none. */
  job(namespace: string, name: string): Stored | undefined {
    return this.#api.get(jobPath(namespace, name));
  }

  /** Brings what comes next. */
  step(): void {
    const recorded = this.#coming.shift();
    if (recorded !== undefined) this.#bring(recorded);
  }

  #bring({ type, object }: Recorded): Stored {
    const path = pathOf(object);
    // Who writes a SequentialJob leaves its status alone.
    const status = object.kind === 'SequentialJob' ? this.#api.get(path)?.['status'] : object['status'];
    const stored = this.#api.put(path, { ...object, ...(status === undefined ? {} : { status }) });
    if (type === 'DELETED') this.#api.remove(path);
    this.#notify(type, stored);
    return stored;
  }

  #notify(type: Recorded['type'], object: Stored): void {
    const plural = pluralOf(object);
    const open = this.#watches.get(plural);
    if (open === undefined || !isSelected(object, open.query)) return;
    this.heard[plural] = (this.heard[plural] ?? 0) + 1;
    open.watch.send(type, object);
  }

  #watch({ path, query = {}, signal }: StreamRequest): Readable {
    const watch = new FakeWatch(signal);
    this.#watches.set(pluralIn(path), { watch, query });
    return watch.body;
  }

  async #serve(request: ApiRequest): Promise<unknown> {
    const { method, path, query } = request;
    if (method === 'GET' && query?.['limit'] !== undefined) return this.#list(request);
    if (query?.['dryRun'] !== undefined) return this.#api.client.request(request);
    const written = method === 'GET' ? undefined : pluralIn(path);
    const answer = await (written === 'jobs' ? this.#answer(request) : this.#api.client.request(request));
    if (written === 'sequentialjobs') this.#notify('MODIFIED', answer as Stored);
    this.onRequest(request);
    return answer;
  }

  #list({ path, query }: ApiRequest): unknown {
    const all = ['SequentialJob', 'Job', 'Pod', 'Event'].flatMap((kind) => this.#api.ofKind(kind));
    const items = all.filter((object) => pluralOf(object) === pluralIn(path) && isSelected(object, query));
    return { metadata: { resourceVersion: this.#api.version }, items: structuredClone(items) };
  }

  /** What the recorded server made of a request about a Job: the next state of that Job, if it is what was asked for. */
  #answer({ method, path, body }: ApiRequest): Stored {
    const { metadata, spec = {} } = body as { readonly metadata: { readonly name?: string }; readonly spec?: Fields };
    const name = method === 'POST' ? metadata.name : path.split('/').at(-1);
    const at = this.#coming.findIndex(({ object }) => object.kind === 'Job' && object.metadata.name === name);
    const recorded = this.#coming[at];
    if (recorded === undefined || !this.#isAsked(recorded.object) || !agrees(recorded.object, spec)) {
      throw new Error(`not recorded: ${method} of the Job ${name}, ${JSON.stringify(spec)}`);
    }
    this.#coming.splice(at, 1);
    return structuredClone(this.#bring(recorded));
  }

  /** Whether this state of a Job is the work of the controller: nobody else makes Jobs here, or changes their specs. */
  #isAsked(job: Stored): boolean {
    const known = this.#api.get(pathOf(job));
    return known === undefined || !agrees(known, job['spec'] as Fields);
  }
}

/** Whether the Job says what was asked for of those parts of its spec that the controller also changes later. */
function agrees(job: Stored, asked: Fields): boolean {
  const spec = job['spec'] as Fields;
  return ['suspend', 'activeDeadlineSeconds'].every(
    (field) => asked[field] === undefined || asked[field] === spec[field],
  );
}

/** The plural in the path of a collection, an object or a subresource. */
function pluralIn(path: string): string {
  return /\/namespaces\/[^/]+\/(?<plural>[^/]+)/.exec(path)?.groups?.['plural'] ?? '';
}

const pluralOf = ({ kind }: Stored): string => `${kind.toLowerCase()}s`;

function pathOf(object: Stored): string {
  const { namespace, name } = object.metadata;
  if (object.kind === 'SequentialJob') return sequentialJobPath(namespace, name);
  if (object.kind === 'Job') return jobPath(namespace, name);
  return `/api/v1/namespaces/${namespace}/${pluralOf(object)}/${name}`;
}
