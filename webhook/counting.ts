/** What the webhook tells its metrics. */
import type { RequestHandler } from 'express';
import type { VerdictName, WebhookMetrics } from '../shared/metrics/webhook.ts';
import type { Verdict } from './response.ts';

/** The code of a request whose client went away before its answer, as nginx has it. */
const CLIENT_WENT_AWAY = 499;

/** Counts the requests of a path, whoever answers them and however. */
export function counting(path: string, metrics: WebhookMetrics): RequestHandler {
  return (_request, response, next) => {
    const started = performance.now();
    metrics.requestStarted(path);
    response.once('close', () => {
      const code = response.writableFinished ? response.statusCode : CLIENT_WENT_AWAY;
      metrics.requestEnded(path, code, performance.now() - started);
    });
    next();
  };
}

/** A refusal for faults is `Invalid`; any other says that there was nothing to judge, or that judging failed. */
export function verdictName({ allowed, patch, status }: Verdict): VerdictName {
  if (!allowed) return status?.reason === 'Invalid' ? 'denied' : 'errored';
  return patch === undefined ? 'allowed' : 'patched';
}
