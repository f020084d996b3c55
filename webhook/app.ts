/**
 * The webhook over HTTP: which path answers what, and that everything is answered. A review that says its UID gets an
 * AdmissionReview with that UID, whatever happens; everything else one plain line with a status of 4xx.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Connections } from '../shared/connections.ts';
import { ALIVE, type Checks, type Health, readiness } from '../shared/health.ts';
import type { Log } from '../shared/log.ts';
import type { WebhookMetrics } from './metrics.ts';
import { SampledLog } from '../shared/sampled-log.ts';
import { type Body, type HttpRefusal, MAX_BODY_BYTES, readBody } from './request-body.ts';
import { count } from './request-metrics.ts';
import { evaluateReview, type EvaluatedReview, type Reviewer, type LogLine } from './evaluate.ts';
import { type EvaluationThread, LARGE_BYTES } from './evaluation-thread.ts';
import { REVIEWERS } from './paths.ts';
import { ByteBudget } from './byte-budget.ts';

export type { Reviewer } from './evaluate.ts';
export { MUTATE_PATH, VALIDATE_PATH } from './paths.ts';

export interface AppOptions {
  readonly log: Log;
  /** What has to be true for `/readyz`. */
  readonly checks?: Checks;
  /** Default: nothing is counted. */
  readonly metrics?: WebhookMetrics;
  /** Default: defaulting and validation of SequentialJobs. */
  readonly reviewers?: Readonly<Record<string, Reviewer>>;
  /** The operator's own, where nothing is run; default: there is none. */
  readonly ownNamespace?: string | undefined;
  /** Those of the server: which ones bring reviews is noted there. Default: nothing is noted. */
  readonly connections?: Connections;
  /** Default 7 MiB. */
  readonly maxBodyBytes?: number;
  /** Of all bodies that are coming in, wait or are judged; default 32 MiB, and 4 MiB for small ones beyond that. */
  readonly room?: ByteBudget;
  /** Judges what is large, with the reviewers that there are by default; without it that is judged as everything else. */
  readonly thread?: Pick<EvaluationThread, 'evaluate'>;
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
      plain(response, 404, 'not found');
      return;
    }
    if (endpoint.isReview && metrics !== undefined) count(response, path, metrics);
    if (!endpoint.methods.includes(request.method ?? '')) {
      methodNotAllowed(response, endpoint.methods);
      return;
    }
    void answer(endpoint, request, response, log);
  });
  app.use(expressErrorHandler(log));
  return app;
}

/** Express's own would show the stack. Known by its four parameters. */
const expressErrorHandler =
  (log: Log): ErrorRequestHandler =>
  (error: unknown, _request, response, _next) =>
    respondInternalError(error, response, log);

/** Without what follows it: the API server adds `?timeout=5s`, which nothing here reads. */
function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

function endpointsOf(options: AppOptions): ReadonlyMap<string, Endpoint> {
  const { checks = {}, reviewers = REVIEWERS, log } = options;
  const room = options.room ?? new ByteBudget();
  const logs = { log, refusals: new SampledLog({ log }), verdicts: new SampledLog({ log, burst: MAX_VERDICT_LINES }) };
  const reviews = Object.entries(reviewers).map(([path, reviewer]): [string, Endpoint] => [
    path,
    {
      methods: ['POST'],
      isReview: true,
      answer: async (request, response) => answerReview(request, response, { path, reviewer, options, room, logs }),
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
    respondInternalError(error, response, log);
  }
}

/** Verdicts that are logged in a minute; of what is beyond, only how many there are. Whoever reaches the port can cause them. */
const MAX_VERDICT_LINES = 100;

interface Logs {
  readonly log: Log;
  /** Of what is no review. */
  readonly refusals: SampledLog;
  readonly verdicts: SampledLog;
}

interface Reviewing {
  readonly path: string;
  readonly reviewer: Reviewer;
  readonly options: AppOptions;
  readonly room: ByteBudget;
  readonly logs: Logs;
}

async function answerReview(request: IncomingMessage, response: ServerResponse, reviewing: Reviewing): Promise<void> {
  const { options, room } = reviewing;
  const { maxBodyBytes: maxBytes = MAX_BODY_BYTES } = options;
  const connection = options.connections?.find(request.socket);
  const sender = connection ?? { address: request.socket.remoteAddress ?? '', isTrusted: false };
  const body = await readBody(request, { maxBytes, room, sender });
  const isReview =
    'refusal' in body ? refuse(response, body.refusal, reviewing) : await answerBody(response, body, reviewing);
  if (isReview !== undefined) connection?.recordRequest(isReview);
}

/** Whether it was a review; undefined where that is not known, and no fault of the client's. */
async function answerBody(response: ServerResponse, body: Body, reviewing: Reviewing): Promise<boolean | undefined> {
  const { path, reviewer, options } = reviewing;
  const { bytes, hold } = body;
  try {
    const isAside = options.thread !== undefined && bytes.length > LARGE_BYTES;
    const judged = isAside
      ? await judgeAside(options.thread, { response, body, path })
      : evaluateReview(bytes, reviewer, options.ownNamespace);
    if (judged === undefined) return undefined;
    if (judged.type === 'refused') return refuse(response, judged, reviewing);
    tell(judged.logLine, reviewing.logs);
    options.metrics?.judged(path, judged.verdict);
    send(response, 200, JSON_HEADERS, judged.answer);
    return judged.isWellFormed;
  } finally {
    hold.release();
  }
}

interface Aside {
  readonly response: ServerResponse;
  readonly body: Body;
  readonly path: string;
}

/** In the thread, when it is its turn; undefined where the client has gone. */
async function judgeAside(
  thread: Pick<EvaluationThread, 'evaluate'>,
  { response, body: { bytes, hold }, path }: Aside,
): Promise<EvaluatedReview | undefined> {
  const unwanted = new AbortController();
  const drop = (): void => unwanted.abort();
  response.once('close', drop);
  hold.wait(drop);
  const { sender } = hold;
  const judged = await thread.evaluate({ path, bytes, sender, onTurn: () => hold.evaluate(), signal: unwanted.signal });
  response.off('close', drop);
  return judged ?? (response.destroyed ? undefined : NO_ROOM);
}

/** What had room has lost it to another. */
const NO_ROOM: EvaluatedReview = {
  type: 'refused',
  status: 429,
  message: 'too many concurrent request bodies',
  isOurs: true,
};

/** What a review came to, for the log. */
function tell({ level, msg, kind, fields }: LogLine, { log, refusals, verdicts }: Logs): void {
  switch (level) {
    case 'debug':
      if (log.isLevelEnabled(level)) log.debug(fields, msg);
      return;
    case 'warn':
      refusals.write({ level, msg, kind, fields });
      return;
    case 'info':
    case 'error':
      verdicts.write({ level, msg, kind, fields });
  }
}

function methodNotAllowed(response: ServerResponse, methods: readonly string[]): void {
  response.setHeader('allow', methods.join(', '));
  plain(response, 405, `the method must be ${methods.join(' or ')}`);
}

/** Says that it was no review: false, or undefined where it may have been one. */
function refuse(response: ServerResponse, refusal: HttpRefusal, { logs }: Reviewing): false | undefined {
  const { status, message } = refusal;
  const fields = { status, problem: message };
  logs.refusals.write({ level: 'warn', msg: 'request refused: not an AdmissionReview', kind: message, fields });
  // What is still to come of a body that has lost its room would be read only to be dropped.
  if (status === 408) response.setHeader('connection', 'close');
  plain(response, status, message);
  return refusal.isOurs === true ? undefined : false;
}

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' } as const;

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
function respondInternalError(error: unknown, response: ServerResponse, log: Log): void {
  if (response.headersSent || response.destroyed || response.req.socket.destroyed) {
    log.debug({ err: error }, 'client disconnected');
    response.destroy();
    return;
  }
  log.error({ err: error }, 'request failed');
  plain(response, 500, 'internal error');
}
