/**
 * The webhook over HTTP: which path answers what, and that everything is answered. A review that says its UID gets an
 * AdmissionReview with that UID, whatever happens; everything else one plain line with a status of 4xx.
 */
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { ALIVE, type Checks, type Health, readiness } from '../shared/health.ts';
import type { Log } from '../shared/log.ts';
import type { WebhookMetrics } from '../shared/metrics/webhook.ts';
import { text } from '../shared/validation/untrusted.ts';
import { readJson } from './body.ts';
import { counting, verdictName } from './counting.ts';
import { reviewDefaults } from './default.ts';
import { errored, nameOf, type Verdict } from './response.ts';
import { decodeRequest, decodeReview, encodeReview, type AdmissionRequest, type Question } from './review.ts';
import { reviewObject } from './validate.ts';

export type Reviewer = (request: AdmissionRequest) => Verdict;

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
  /** Default 7 MiB. */
  readonly maxBodyBytes?: number;
}

const REVIEWERS: Readonly<Record<string, Reviewer>> = {
  [MUTATE_PATH]: reviewDefaults,
  [VALIDATE_PATH]: reviewObject,
};

/** Builds the request handler. It keeps no state: any number of servers may use it. */
export function createApp(options: AppOptions): Express {
  const { log, checks = {}, metrics, reviewers = REVIEWERS } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  // The API server adds `?timeout=5s`, which nothing here reads.
  app.set('query parser', false);
  for (const [path, reviewer] of Object.entries(reviewers)) {
    if (metrics !== undefined) app.all(path, counting(path, metrics));
    // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- express 5 passes a rejection on to the last resort
    app.post(path, async (request, response) => answerReview(request, response, { path, reviewer, options }));
    app.all(path, methodNotAllowed('POST'));
  }
  app.get('/healthz', (_request, response) => answerProbe(response, ALIVE));
  app.get('/readyz', (_request, response) => answerProbe(response, readiness(checks)));
  for (const path of ['/healthz', '/readyz']) app.all(path, methodNotAllowed('GET, HEAD'));
  app.use((_request: Request, response: Response) => plain(response, 404, 'there is nothing here'));
  app.use(lastResort(log));
  return app;
}

interface Reviewing {
  readonly path: string;
  readonly reviewer: Reviewer;
  readonly options: AppOptions;
}

async function answerReview(request: Request, response: Response, reviewing: Reviewing): Promise<void> {
  const { path, reviewer, options } = reviewing;
  const { log, metrics, maxBodyBytes } = options;
  const body = await readJson(request, maxBodyBytes);
  if ('refusal' in body) {
    refuse(response, body.refusal.status, body.refusal.message, log);
    return;
  }
  const question = decodeReview(body.value);
  if ('problem' in question) {
    refuse(response, 400, question.problem, log);
    return;
  }
  const verdict = review(question.value, reviewer, log);
  metrics?.judged(path, verdictName(verdict));
  const answer = encodeReview(question.value.uid, verdict);
  response.status(200).type('application/json').send(answer);
}

/** Never throws: what goes wrong is said in the log in full, and to the client in general. */
function review(question: Question, reviewer: Reviewer, log: Log): Verdict {
  const { uid, request } = question;
  const sequentialJob = `${text(request['namespace']) ?? ''}/${nameOf(request['object'])}`;
  try {
    const decoded = decodeRequest(question);
    if ('problem' in decoded) {
      log.warn({ uid, sequentialJob, problem: decoded.problem }, 'review makes no sense');
      return errored(400, decoded.problem);
    }
    const verdict = reviewer(decoded.value);
    const { operation } = decoded.value;
    const faults = verdict.status?.details?.causes.length;
    log[verdict.allowed ? 'debug' : 'info']({ uid, operation, sequentialJob, faults }, SAID[`${verdict.allowed}`]);
    return verdict;
  } catch (error) {
    log.error({ uid, sequentialJob, err: error }, 'review failed: a fault of the operator');
    return errored(500, 'the webhook of SequentialJobs failed to judge the object; its log says why');
  }
}

const SAID = { true: 'review allowed', false: 'review denied' } as const;

function answerProbe(response: Response, { status, message }: Health): void {
  plain(response, status, message);
}

const methodNotAllowed =
  (allow: string) =>
  (_request: Request, response: Response): void => {
    response.set('Allow', allow);
    plain(response, 405, `the method must be ${allow.replace(', ', ' or ')}`);
  };

function refuse(response: Response, status: number, message: string, log: Log): void {
  log.warn({ status, problem: message }, 'request refused: no review');
  plain(response, status, message);
}

function plain(response: Response, status: number, message: string): void {
  response.status(status).type('text/plain').set('X-Content-Type-Options', 'nosniff').send(`${message}\n`);
}

/** What nobody foresaw. Express's own would show the stack. Known by its four parameters. */
function lastResort(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (response.headersSent || request.socket.destroyed) {
      log.debug({ err: error }, 'client went away');
      response.destroy();
      return;
    }
    const { status } = error as { readonly status?: unknown };
    const isClients = typeof status === 'number' && status >= 400 && status < 500;
    log[isClients ? 'warn' : 'error']({ err: error }, 'request failed');
    plain(response, isClients ? status : 500, isClients ? 'the request makes no sense' : 'internal error');
  };
}
