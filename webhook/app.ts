/**
 * The webhook over HTTP: which path answers what, and that everything is answered. A review that says its UID gets an
 * AdmissionReview with that UID, whatever happens; everything else one plain line with a status of 4xx.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Connections } from '../shared/connections.ts';
import { ALIVE, type Checks, type Health, readiness } from '../shared/health.ts';
import type { Log } from '../shared/log.ts';
import type { WebhookMetrics } from '../shared/metrics/webhook.ts';
import { SampledLog } from '../shared/sampled-log.ts';
import { shorten } from '../shared/validation/field.ts';
import { text } from '../shared/validation/untrusted.ts';
import { type HttpRefusal, type JsonBody, MAX_BODY_BYTES, readJson } from './body.ts';
import { count, verdictName } from './counting.ts';
import { reviewDefaults } from './default.ts';
import { errored, nameOf, type Verdict } from './response.ts';
import { decodeRequest, decodeReview, encodeReview, type AdmissionRequest, type Question } from './review.ts';
import { Room } from './room.ts';
import { reviewObject } from './validate.ts';

/** `ownNamespace`: the operator's. */
export type Reviewer = (request: AdmissionRequest, ownNamespace?: string) => Verdict;

/** The paths that the webhook configurations name. */
export const MUTATE_PATH = '/mutate-batch-example-com-v1alpha1-sequentialjob';
export const VALIDATE_PATH = '/validate-batch-example-com-v1alpha1-sequentialjob';

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
  /** Of all bodies that are coming in; default 32 MiB, and 4 MiB for small ones beyond that. */
  readonly room?: Room;
}

const REVIEWERS: Readonly<Record<string, Reviewer>> = {
  [MUTATE_PATH]: reviewDefaults,
  [VALIDATE_PATH]: reviewObject,
};

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
  const { checks = {}, reviewers = REVIEWERS, log, ownNamespace } = options;
  const room = options.room ?? new Room();
  const logs = { log, refusals: new SampledLog({ log }), verdicts: new SampledLog({ log, burst: MAX_VERDICT_LINES }) };
  const reviews = Object.entries(reviewers).map(([path, reviewer]): [string, Endpoint] => [
    path,
    {
      methods: ['POST'],
      isReview: true,
      answer: async (request, response) =>
        answerReview(request, response, {
          path,
          reviewer: (asked) => reviewer(asked, ownNamespace),
          options,
          room,
          logs,
        }),
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
  readonly room: Room;
  readonly logs: Logs;
}

async function answerReview(request: IncomingMessage, response: ServerResponse, reviewing: Reviewing): Promise<void> {
  const { options, room } = reviewing;
  const { maxBodyBytes: maxBytes = MAX_BODY_BYTES } = options;
  const connection = options.connections?.of(request.socket);
  const sender = connection ?? { address: request.socket.remoteAddress ?? '', isTrusted: false };
  const body = await readJson(request, { maxBytes, room, sender });
  const isReview = 'refusal' in body ? refuse(response, body.refusal, reviewing) : judge(response, body, reviewing);
  connection?.proveUseful(isReview);
}

/** Whether it was a review. */
function judge(response: ServerResponse, { value, bytes, release }: JsonBody, reviewing: Reviewing): boolean {
  const { path, reviewer, options, logs } = reviewing;
  try {
    const question = decodeReview(value, bytes);
    if ('problem' in question) return refuse(response, { status: 400, message: question.problem }, reviewing);
    const verdict = review(question.value, reviewer, logs);
    options.metrics?.judged(path, verdictName(verdict));
    send(response, 200, JSON_HEADERS, encodeReview(question.value.uid, verdict));
    return verdict.status?.code !== 400;
  } finally {
    release();
  }
}

/** Never throws: what goes wrong is said in the log in full, and to the client in general. */
function review(question: Question, reviewer: Reviewer, { log, refusals, verdicts }: Logs): Verdict {
  try {
    const decoded = decodeRequest(question);
    if ('problem' in decoded) {
      const { problem } = decoded;
      refusals.write({
        level: 'warn',
        msg: 'review makes no sense',
        kind: problem,
        fields: { ...named(question), problem },
      });
      return errored(400, problem);
    }
    const verdict = reviewer(decoded.value);
    const { operation } = decoded.value;
    if (!verdict.allowed) {
      const fields = { ...named(question), operation, faults: verdict.status?.details?.causes.length };
      verdicts.write({ level: 'info', msg: 'review denied', kind: '', fields });
    } else if (log.isLevelEnabled('debug')) log.debug({ ...named(question), operation }, 'review allowed');
    return verdict;
  } catch (error) {
    const fields = { ...named(question), err: error };
    verdicts.write({ level: 'error', msg: 'review failed: a fault of the operator', kind: '', fields });
    return errored(500, 'the webhook of SequentialJobs failed to judge the object; its log says why');
  }
}

/** What a review is about, for the log, which is the operator's: a client must not fill it. */
function named({ uid, request }: Question): { readonly uid: string; readonly sequentialJob: string } {
  const namespace = shorten(text(request['namespace']) ?? '');
  return { uid: shorten(uid), sequentialJob: `${namespace}/${shorten(nameOf(request['object']))}` };
}

function methodNotAllowed(response: ServerResponse, methods: readonly string[]): void {
  response.setHeader('allow', methods.join(', '));
  plain(response, 405, `the method must be ${methods.join(' or ')}`);
}

/** Says that it was no review. */
function refuse(response: ServerResponse, { status, message }: HttpRefusal, { logs }: Reviewing): false {
  const fields = { status, problem: message };
  logs.refusals.write({ level: 'warn', msg: 'request refused: no review', kind: message, fields });
  // What is still to come of a body that has lost its room would be read only to be dropped.
  if (status === 408) response.setHeader('connection', 'close');
  plain(response, status, message);
  return false;
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
function lastResort(error: unknown, response: ServerResponse, log: Log): void {
  if (response.headersSent || response.destroyed || response.req.socket.destroyed) {
    log.debug({ err: error }, 'client went away');
    response.destroy();
    return;
  }
  log.error({ err: error }, 'request failed');
  plain(response, 500, 'internal error');
}
