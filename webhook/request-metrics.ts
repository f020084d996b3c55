/** Records requests and decisions in the metrics. */
import type { ServerResponse } from 'node:http';
import type { VerdictName, WebhookMetrics } from './metrics.ts';
import type { AdmissionDecision } from './response.ts';

/** The status code for a client that disconnected before the answer, as in nginx. */
const CLIENT_DISCONNECTED = 499;

/** Counts a request of a path until its response is closed. */
export function countRequest(response: ServerResponse, path: string, metrics: WebhookMetrics): void {
  const started = performance.now();
  metrics.requestStarted(path);
  response.once('close', () => {
    const code = response.writableFinished ? response.statusCode : CLIENT_DISCONNECTED;
    metrics.requestEnded(path, code, performance.now() - started);
  });
}

/**
 * A denial for errors in the object has the reason `Invalid`; other refusals mean that the request was malformed or
 * the evaluation failed.
 */
export function verdictName({ allowed, patch, status }: AdmissionDecision): VerdictName {
  if (!allowed) return status?.reason === 'Invalid' ? 'denied' : 'errored';
  return patch === undefined ? 'allowed' : 'patched';
}
