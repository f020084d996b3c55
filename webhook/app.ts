/**
 * The HTTP handler of the webhook. Every request gets an answer: a review with a UID always gets an AdmissionReview
 * with that UID, any other request one line of text with a 4xx status.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Connections } from '../shared/connections.ts';
import { ALIVE, type Checks, type Health, readiness } from '../shared/health.ts';
import type { Log } from '../shared/log.ts';
import type { WebhookMetrics } from './metrics.ts';
import { SampledLog } from '../shared/sampled-log.ts';
import { type Body, type HttpRefusal, MAX_BODY_BYTES, readBody } from './request-body.ts';
import { countRequest } from './request-metrics.ts';
import { evaluateReview, type EvaluatedReview, type Reviewer, type LogLine } from './evaluate.ts';
import { type EvaluationThread, LARGE_BYTES } from './evaluation-thread.ts';
import { answerConversion, CONVERT_PATH } from './convert.ts';
import { REVIEWERS } from './paths.ts';
import { pathOf } from './request-path.ts';
import { JSON_HEADERS, methodNotAllowed, respondInternalError, send, sendText } from './respond.ts';
import { ByteBudget } from './byte-budget.ts';

export type { Reviewer } from './evaluate.ts';
export { CONVERT_PATH } from './convert.ts';
export { MUTATE_PATH, VALIDATE_PATH } from './paths.ts';

export interface AppOptions {
  readonly log: Log;
  /** The checks of `/readyz`. */
  readonly checks?: Checks;
  /** Default: no metrics. */
  readonly metrics?: WebhookMetrics;
  /** Default: defaulting and validation of SequentialJobs. */
  readonly reviewers?: Readonly<Record<string, Reviewer>>;
  /** The operator's own namespace, where SequentialJobs do not run; default: there is none. */
  readonly ownNamespace?: string | undefined;
  /** The connections of the server: those that deliver valid reviews become trusted. Default: not tracked. */
  readonly connections?: Connections;
  /** Default 7 MiB. */
  readonly maxBodyBytes?: number;
  /**
   * The memory for all bodies that are being received, queued or evaluated; default 32 MiB, plus 4 MiB for small
   * bodies.
   */
  readonly budget?: ByteBudget;
  /**
   * The thread that evaluates large reviews with the default reviewers; default: large reviews are evaluated like
   * others.
   */
  readonly thread?: Pick<EvaluationThread, 'evaluate'>;
}

/** The handler of a path, and its methods. */
interface Endpoint {
  readonly methods: readonly string[];
  readonly isReview: boolean;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

/**
 * Creates the request handler. Its only state is the memory held by bodies, so several servers may share it. The
 * paths have no parameters, so a map finds the endpoint: express tries its routes one after the other (`all` creates
 * one per HTTP method), which costs more than a whole review of three steps.
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
      sendText(response, 404, 'not found');
      return;
    }
    if (endpoint.isReview && metrics !== undefined) countRequest(response, path, metrics);
    if (!endpoint.methods.includes(request.method ?? '')) {
      methodNotAllowed(response, endpoint.methods);
      return;
    }
    void answer(endpoint, request, response, log);
  });
  app.use(expressErrorHandler(log));
  return app;
}

/** Replaces express' default handler, which shows the stack. Express recognizes it by its four parameters. */
const expressErrorHandler =
  (log: Log): ErrorRequestHandler =>
  (error: unknown, _request, response, _next) =>
    respondInternalError(error, response, log);

function endpointsOf(options: AppOptions): ReadonlyMap<string, Endpoint> {
  const { checks = {}, reviewers = REVIEWERS, log } = options;
  const budget = options.budget ?? new ByteBudget();
  const logs = {
    log,
    refusals: new SampledLog({ log }),
    verdicts: new SampledLog({ log, burst: MAX_LOGGED_DECISIONS }),
  };
  const reviews = Object.entries(reviewers).map(([path, reviewer]): [string, Endpoint] => [
    path,
    {
      methods: ['POST'],
      isReview: true,
      answer: async (request, response) => answerReview(request, response, { path, reviewer, options, budget, logs }),
    },
  ]);
  const probe = (health: () => Health): Endpoint => ({
    methods: ['GET', 'HEAD'],
    isReview: false,
    answer: (_request, response) => {
      const { status, message } = health();
      sendText(response, status, message);
    },
  });
  const conversion: Endpoint = {
    methods: ['POST'],
    isReview: true,
    answer: async (request, response) => convertObjects(request, response, { options, budget, logs }),
  };
  return new Map([
    ...reviews,
    [CONVERT_PATH, conversion],
    ['/healthz', probe(() => ALIVE)],
    ['/readyz', probe(() => readiness(checks))],
  ]);
}

/** Never rejects. */
async function answer(endpoint: Endpoint, request: IncomingMessage, response: ServerResponse, log: Log): Promise<void> {
  try {
    await endpoint.answer(request, response);
  } catch (error) {
    respondInternalError(error, response, log);
  }
}

/**
 * Maximum number of logged decisions per minute; further ones are only counted. Any client of the port can cause
 * them.
 */
const MAX_LOGGED_DECISIONS = 100;

interface Logs {
  readonly log: Log;
  /** For requests that are not valid reviews. */
  readonly refusals: SampledLog;
  readonly verdicts: SampledLog;
}

interface ReviewContext {
  readonly path: string;
  readonly reviewer: Reviewer;
  readonly options: AppOptions;
  readonly budget: ByteBudget;
  readonly logs: Logs;
}

/** The connection, which is trusted once it has brought a valid review. */
function senderOf({ socket }: IncomingMessage, { connections }: AppOptions) {
  const connection = connections?.find(socket);
  return { connection, sender: connection ?? { address: socket.remoteAddress ?? '', isTrusted: false } };
}

async function answerReview(request: IncomingMessage, response: ServerResponse, context: ReviewContext): Promise<void> {
  const { options, budget } = context;
  const { maxBodyBytes: maxBytes = MAX_BODY_BYTES } = options;
  const { connection, sender } = senderOf(request, options);
  const body = await readBody(request, { maxBytes, budget, sender });
  const isReview =
    'refusal' in body ? refuse(response, body.refusal, context) : await answerBody(response, body, context);
  if (isReview !== undefined) connection?.recordRequest(isReview);
}

type ConversionContext = Pick<ReviewContext, 'options' | 'budget' | 'logs'>;

async function convertObjects(
  request: IncomingMessage,
  response: ServerResponse,
  context: ConversionContext,
): Promise<void> {
  const { options, budget, logs } = context;
  const { connection, sender } = senderOf(request, options);
  const onInternalError = (err: unknown): void =>
    logs.log.error({ err }, 'internal error: conversion failed (please report)');
  const outcome = await answerConversion(request, response, { budget, sender, onInternalError });
  if ('refusal' in outcome) {
    const isReview = refuse(response, outcome.refusal, context);
    if (isReview !== undefined) connection?.recordRequest(isReview);
    return;
  }
  const { failure: problem } = outcome;
  options.metrics?.converted(problem === undefined ? 'success' : 'failure');
  if (problem !== undefined) {
    logs.verdicts.write({ level: 'warn', msg: 'conversion failed', kind: problem, fields: { problem } });
  }
  connection?.recordRequest(true);
}

/** Whether it was a valid review; undefined if unknown for a reason that the client did not cause. */
async function answerBody(response: ServerResponse, body: Body, context: ReviewContext): Promise<boolean | undefined> {
  const { path, reviewer, options } = context;
  const { bytes, reservation } = body;
  try {
    const useThread = options.thread !== undefined && bytes.length > LARGE_BYTES;
    const evaluated = useThread
      ? await evaluateInThread(options.thread, { response, body, path })
      : evaluateReview(bytes, reviewer, options.ownNamespace);
    if (evaluated === undefined) return undefined;
    if (evaluated.type === 'refused') return refuse(response, evaluated, context);
    logReview(evaluated.logLine, context.logs);
    options.metrics?.reviewed(path, evaluated.verdict);
    send(response, 200, JSON_HEADERS, evaluated.answer);
    return evaluated.isWellFormed;
  } finally {
    reservation.release();
  }
}

interface ThreadRequest {
  readonly response: ServerResponse;
  readonly body: Body;
  readonly path: string;
}

/** Evaluates the review in the thread when it is its turn; undefined if the client has disconnected. */
async function evaluateInThread(
  thread: Pick<EvaluationThread, 'evaluate'>,
  { response, body: { bytes, reservation }, path }: ThreadRequest,
): Promise<EvaluatedReview | undefined> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  response.once('close', abort);
  reservation.queued(abort);
  const { sender } = reservation;
  const evaluated = await thread.evaluate({
    path,
    bytes,
    sender,
    onTurn: () => reservation.evaluating(),
    signal: controller.signal,
  });
  response.off('close', abort);
  return evaluated ?? (response.destroyed ? undefined : EVICTED);
}

/** The body was evicted for another one. */
const EVICTED: EvaluatedReview = {
  type: 'refused',
  status: 429,
  message: 'too many concurrent request bodies',
  isServerSide: true,
};

/** Logs the result of a review. */
function logReview({ level, msg, kind, fields }: LogLine, { log, refusals, verdicts }: Logs): void {
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

/** Refuses the request. Returns false (not a valid review), or undefined if it may have been one. */
function refuse(
  response: ServerResponse,
  refusal: HttpRefusal,
  { logs }: Pick<ReviewContext, 'logs'>,
): false | undefined {
  const { status, message } = refusal;
  const fields = { status, problem: message };
  logs.refusals.write({ level: 'warn', msg: 'request refused before its review', kind: message, fields });
  // Do not read the rest of a body that was evicted.
  if (status === 408) response.setHeader('connection', 'close');
  sendText(response, status, message);
  return refusal.isServerSide === true ? undefined : false;
}
