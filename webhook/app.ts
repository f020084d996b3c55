/**
 * The webhook over HTTP: which path answers what, and that everything is answered. A review that says its UID gets an
 * AdmissionReview with that UID, whatever happens; everything else one plain line with a status of 4xx.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { ALIVE, type Checks, type Health, readiness } from '../shared/health.ts';
import type { Log } from '../shared/log.ts';
import type { WebhookMetrics } from '../shared/metrics/webhook.ts';
import { readBody } from './body.ts';
import { count } from './counting.ts';
import { judge, type Judged, type Reviewer } from './judge.ts';
import { type JudgeThread, LARGE_BYTES } from './judge-thread.ts';
import { REVIEWERS } from './paths.ts';
import { Room } from './room.ts';

export type { Reviewer } from './judge.ts';
export { MUTATE_PATH, VALIDATE_PATH } from './paths.ts';

export interface AppOptions {
  readonly log: Log;
  /** What has to be true for `/readyz`. */
  readonly checks?: Checks;
  /** Default: nothing is counted. */
  readonly metrics?: WebhookMetrics;
  /** Default: defaulting and validation of SequentialJobs. */
  readonly reviewers?: Readonly<Record<string, Reviewer>>;
  /** Default 7 MiB. */
  readonly maxBodyBytes?: number;
  /** Of all bodies that are coming in, or wait for the thread; default 32 MiB. */
  readonly maxHeldBytes?: number;
  /** Judges what is large, with the reviewers that there are by default; without it that is judged as everything else. */
  readonly thread?: Pick<JudgeThread, 'judge'>;
}

/** Who answers a path, and to which methods. */
interface Endpoint {
  readonly methods: readonly string[];
  readonly isReview: boolean;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

/**
 * Builds the request handler. It keeps no state but how much of bodies it holds: any number of servers may use it. There
 * are four paths and none has a parameter, so a map finds the endpoint: routes of express, which tries one after the other
 * (and `all` is one for each HTTP method), cost more than a whole review of three steps.
 */
export function createApp(options: AppOptions): Express {
  const { log, metrics } = options;
  const endpoints = endpointsOf(options);
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', false);
  app.use((request: IncomingMessage, response: ServerResponse) => {
    const path = pathOf(request);
    const endpoint = endpoints.get(path);
    if (endpoint === undefined) {
      plain(response, 404, 'there is nothing here');
      return;
    }
    if (endpoint.isReview && metrics !== undefined) count(response, path, metrics);
    if (!endpoint.methods.includes(request.method ?? '')) {
      methodNotAllowed(response, endpoint.methods);
      return;
    }
    void answer(endpoint, request, response, log);
  });
  app.use(unforeseen(log));
  return app;
}

/** Express's own would show the stack. Known by its four parameters. */
const unforeseen =
  (log: Log): ErrorRequestHandler =>
  (error: unknown, _request, response, _next) =>
    lastResort(error, response, log);

/** Without what follows it: the API server adds `?timeout=5s`, which nothing here reads. */
function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function endpointsOf(options: AppOptions): ReadonlyMap<string, Endpoint> {
  const { checks = {}, reviewers = REVIEWERS, maxHeldBytes } = options;
  const room = new Room(maxHeldBytes);
  const reviews = Object.entries(reviewers).map(([path, reviewer]): [string, Endpoint] => [
    path,
    {
      methods: ['POST'],
      isReview: true,
      answer: async (request, response) => answerReview(request, response, { path, reviewer, options, room }),
    },
  ]);
  const probe = (health: () => Health): Endpoint => ({
    methods: ['GET', 'HEAD'],
    isReview: false,
    answer: (_request, response) => {
      const { status, message } = health();
      plain(response, status, message);
    },
  });
  return new Map([...reviews, ['/healthz', probe(() => ALIVE)], ['/readyz', probe(() => readiness(checks))]]);
}

/** Never rejects. */
async function answer(endpoint: Endpoint, request: IncomingMessage, response: ServerResponse, log: Log): Promise<void> {
  try {
    await endpoint.answer(request, response);
  } catch (error) {
    lastResort(error, response, log);
  }
}

interface Reviewing {
  readonly path: string;
  readonly reviewer: Reviewer;
  readonly options: AppOptions;
  readonly room: Room;
}

async function answerReview(request: IncomingMessage, response: ServerResponse, reviewing: Reviewing): Promise<void> {
  const { path, reviewer, options, room } = reviewing;
  const { log, metrics, maxBodyBytes } = options;
  const body = await readBody(request, room, maxBodyBytes);
  if ('refusal' in body) {
    refuse(response, body.refusal.status, body.refusal.message, log);
    return;
  }
  const { bytes } = body;
  const { thread } = options;
  const isAside = thread !== undefined && bytes.length > LARGE_BYTES;
  if (isAside && !room.take(bytes.length)) {
    refuse(response, 429, 'too many bodies at once', log);
    return;
  }
  const judged = isAside
    ? await thread.judge(path, bytes).finally(() => room.give(bytes.length))
    : judge(bytes, reviewer);
  tell(judged, response, { path, log, metrics });
}

interface Telling {
  readonly path: string;
  readonly log: Log;
  readonly metrics: WebhookMetrics | undefined;
}

function tell(judged: Judged, response: ServerResponse, { path, log, metrics }: Telling): void {
  if (judged.type === 'refused') {
    refuse(response, 400, judged.message, log);
    return;
  }
  const { answer: body, verdict, said } = judged;
  if (log.isLevelEnabled(said.level)) log[said.level](said.fields, said.message);
  metrics?.judged(path, verdict);
  send(response, 200, { 'content-type': 'application/json; charset=utf-8' }, body);
}

function methodNotAllowed(response: ServerResponse, methods: readonly string[]): void {
  response.setHeader('allow', methods.join(', '));
  plain(response, 405, `the method must be ${methods.join(' or ')}`);
}

function refuse(response: ServerResponse, status: number, message: string, log: Log): void {
  log.warn({ status, problem: message }, 'request refused: no review');
  plain(response, status, message);
}

const PLAIN = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' } as const;

const plain = (response: ServerResponse, status: number, message: string): void =>
  send(response, status, PLAIN, `${message}\n`);

type Headers = Readonly<Record<string, string>>;

/** Node adds the length, and leaves the body out of the answer to HEAD. */
function send(response: ServerResponse, status: number, headers: Headers, body: string): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}

/** What nobody foresaw: the client learns that it happened, and the log why. */
function lastResort(error: unknown, response: ServerResponse, log: Log): void {
  if (response.headersSent || response.destroyed || response.req.socket.destroyed) {
    log.debug({ err: error }, 'client went away');
    response.destroy();
    return;
  }
  log.error({ err: error }, 'request failed');
  plain(response, 500, 'internal error');
}
