/**
 * The simulated API server, as a process of its own: plain HTTP on 127.0.0.1, with the requests that the controller sends.
 * Prints its address. The benchmark controls it with POST requests below /bench.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Operation } from 'fast-json-patch';
import type { JobManifest } from '../../shared/jobs/job.ts';
import { type Collection, type Event, type Layout, nowMs, type Templates, World } from './world.ts';
import { nameOf, type Stored } from './objects.ts';

const NO_LAYOUT: Layout = { finished: 0, suspended: 0, running: 0, namespaces: 1, inLargeNamespace: 0 };
const BOOKMARK_MS = 60_000;
/** Lists that were begun and not read to the end; etcd keeps old versions for five minutes. */
const MAX_OPEN_LISTS = 16;
const TICK_MS = 2;

type Status = 'NotFound' | 'AlreadyExists' | 'Conflict' | 'Expired' | 'MethodNotAllowed';
const CODES: Readonly<Record<Status, number>> = {
  NotFound: 404,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  MethodNotAllowed: 405,
};

class Refusal extends Error {
  readonly status: Status;

  constructor(status: Status) {
    super(status);
    this.status = status;
  }
}

interface Request {
  readonly method: string;
  readonly url: URL;
  readonly body: unknown;
}

interface Lease {
  readonly metadata: { readonly resourceVersion: string };
}

/** What the lists of the controller took, in Unix milliseconds. */
export interface ListTimes {
  readonly fromMs: number;
  readonly toMs: number;
  readonly bytes: number;
}

let templates: Templates | undefined;
let world = new World(NO_LAYOUT);
let leases = new Map<string, Lease>();
let lists = new Map<string, { readonly version: number; readonly read: ReturnType<World['list']> }>();
let listTimes: ListTimes = { fromMs: 0, toMs: 0, bytes: 0 };
let requests: Record<string, number> = {};
let completions: NodeJS.Timeout | undefined;
const watches = new Set<ServerResponse>();
let serial = 0;

/** The last two parts of a path: the collection, and the object in it. */
interface Target {
  readonly collection: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** `/apis/<group>/<version>[/namespaces/<namespace>]/<collection>[/<name>[/<subresource>]]`, or `/api/<version>/…`. */
function targetOf({ pathname }: URL): Target {
  const parts = pathname.split('/').slice(pathname.startsWith('/apis/') ? 4 : 3);
  const [collection = '', name, subresource] = parts[0] === 'namespaces' ? parts.slice(2) : parts;
  return { collection, name, subresource };
}

const isCollection = (text: string): text is Collection => text === 'sequentialjobs' || text === 'jobs';

function list(target: Target, { searchParams }: URL): string {
  const { collection } = target;
  const { version: latest } = world;
  if (!isCollection(collection)) return listBody([], latest, '');
  const limit = Number(searchParams.get('limit') ?? Infinity);
  const [id = '', from = '0'] = (searchParams.get('continue') ?? '').split('.');
  if (id !== '' && !lists.has(id)) throw new Refusal('Expired');
  const begun = lists.get(id) ?? { version: latest, read: world.list(collection) };
  const { items, next } = begun.read(Number(from), limit);
  const own = id === '' ? String(++serial) : id;
  if (next === undefined) lists.delete(own);
  else lists.set(own, begun);
  for (const oldest of lists.keys()) if (lists.size > MAX_OPEN_LISTS) lists.delete(oldest);
  return listBody(items, begun.version, next === undefined ? '' : `${own}.${next}`);
}

const listBody = (items: readonly string[], version: number, next: string): string =>
  `{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"${version}","continue":"${next}"},"items":[${items.join(',')}]}`;

function watch({ collection }: Target, { searchParams }: URL, response: ServerResponse): void {
  const missed = world.eventsAfter(Number(searchParams.get('resourceVersion')));
  if (missed === undefined) throw new Refusal('Expired');
  const send = (line: string): void => void response.write(line);
  const sendOwn = (event: Event): void => (event.collection === collection ? send(event.line) : undefined);
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  missed.forEach(sendOwn);
  const end = world.subscribe(sendOwn);
  const bookmark = (): void =>
    send(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${world.version}"}}}\n`);
  const bookmarks = setInterval(bookmark, BOOKMARK_MS);
  const timeout = setTimeout(() => response.end(), Number(searchParams.get('timeoutSeconds')) * 1000);
  watches.add(response);
  response.once('close', () => {
    watches.delete(response);
    clearInterval(bookmarks);
    clearTimeout(timeout);
    end();
  });
}

function lease(
  method: string,
  name: string | undefined,
  body: Lease & { readonly metadata: { readonly name: string } },
): Lease {
  const key = name ?? body.metadata.name;
  const known = leases.get(key);
  if (method === 'POST' && known !== undefined) throw new Refusal('AlreadyExists');
  if (method !== 'POST' && known === undefined) throw new Refusal('NotFound');
  if (known !== undefined && method === 'GET') return known;
  if (method === 'PUT' && known?.metadata.resourceVersion !== body.metadata.resourceVersion)
    throw new Refusal('Conflict');
  serial++;
  const stored = { ...body, metadata: { ...body.metadata, uid: `lease-${key}`, resourceVersion: String(serial) } };
  leases.set(key, stored);
  return stored;
}

const refuseAbsent = (object: Stored | undefined, status: Status = 'NotFound'): Stored => {
  if (object === undefined) throw new Refusal(status);
  return object;
};

/** A request about one object; returns the answer. */
function serveObject({ method, url, body }: Request, { collection, name, subresource }: Target): object {
  if (collection === 'leases') return lease(method, name, body as never);
  if (collection === 'events') return body as object;
  if (collection === 'jobs' && method === 'POST') {
    const isDryRun = url.searchParams.has('dryRun');
    return refuseAbsent(world.createJob(body as JobManifest, isDryRun), 'AlreadyExists');
  }
  if (name === undefined || !isCollection(collection))
    throw new Refusal(method === 'GET' ? 'NotFound' : 'MethodNotAllowed');
  if (method === 'GET') return refuseAbsent(collection === 'jobs' ? world.job(name) : world.sequence(name));
  if (method === 'PATCH' && collection === 'jobs') return refuseAbsent(world.patchJob(name, body as object));
  if (method === 'PATCH' && subresource === 'status')
    return refuseAbsent(world.patchSequenceStatus(name, body as readonly Operation[]), 'Conflict');
  throw new Refusal('MethodNotAllowed');
}

/** Ends the watches: the controllers of the world before have ended. */
function replaceWorld(next: World): void {
  clearInterval(completions);
  for (const open of watches) open.end();
  world = next;
  leases = new Map();
  lists = new Map();
  requests = {};
}

/** New sequences for the controller to bring to each state; completes the Jobs of the first. */
function startRecording(stepMs: number): void {
  replaceWorld(new World(NO_LAYOUT));
  let isSuspended = false;
  completions = setInterval(() => {
    world.completeJobOf(0);
    if (isSuspended || !world.isRunning(2)) return;
    world.suspend(nameOf(2));
    isSuspended = true;
  }, stepMs);
}

function completeAtRate(perSecond: number): void {
  clearInterval(completions);
  const from = performance.now();
  let done = 0;
  completions = setInterval(() => {
    // The timer may fire late, so complete as many Jobs as are due by now.
    for (; done < ((performance.now() - from) / 1000) * perSecond; done++) world.completeNext();
  }, TICK_MS);
}

/** The benchmark's own requests. */
function control({ url, body }: Request): unknown {
  switch (url.pathname) {
    case '/bench/record':
      return startRecording(body as number);
    case '/bench/recorded':
      templates = world.recorded();
      return templates !== undefined;
    case '/bench/world':
      if (templates === undefined) throw new Error('nothing was recorded');
      return replaceWorld(new World(body as Layout, templates));
    case '/bench/complete':
      return completeAtRate(body as number);
    case '/bench/lists': {
      const times = listTimes;
      listTimes = { fromMs: 0, toMs: 0, bytes: 0 };
      return times;
    }
    case '/bench/handoffs':
      return world.handOffs.splice(0);
    case '/bench/waiting':
      return world.waitingSince(body as number);
    case '/bench/requests':
      return requests;
    default:
      throw new Refusal('NotFound');
  }
}

function serve(request: Request, response: ServerResponse): void {
  const { method, url } = request;
  if (url.pathname.startsWith('/bench/')) return answer(response, 200, JSON.stringify(control(request) ?? null));
  const target = targetOf(url);
  const verb = url.searchParams.has('watch') ? 'WATCH' : url.searchParams.has('dryRun') ? 'DRYRUN' : method;
  const key = `${verb} ${target.collection}${target.subresource === undefined ? '' : `/${target.subresource}`}`;
  requests[key] = (requests[key] ?? 0) + 1;
  if (verb === 'WATCH') return watch(target, url, response);
  if (method === 'GET' && target.name === undefined) return answerList(target, url, response);
  return answer(response, method === 'POST' ? 201 : 200, JSON.stringify(serveObject(request, target)));
}

function answerList(target: Target, url: URL, response: ServerResponse): void {
  const fromMs = nowMs();
  const text = list(target, url);
  // Not the request at the start, which only asks whether the resource is served.
  if (Number(url.searchParams.get('limit')) > 1) {
    const { bytes } = listTimes;
    listTimes = { fromMs: bytes === 0 ? fromMs : listTimes.fromMs, toMs: nowMs(), bytes: bytes + text.length };
  }
  answer(response, 200, text);
}

function answer(response: ServerResponse, code: number, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (!(error instanceof Refusal)) throw error;
  const { status } = error;
  answer(
    response,
    CODES[status],
    JSON.stringify({ kind: 'Status', reason: status, message: status, code: CODES[status] }),
  );
}

async function read(request: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  return { method: request.method ?? 'GET', url, body: text === '' ? undefined : JSON.parse(text) };
}

async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await read(incoming);
  try {
    serve(request, response);
  } catch (error) {
    refuse(response, error);
  }
}

const server = createServer((request, response) => void handle(request, response));
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`);
});
