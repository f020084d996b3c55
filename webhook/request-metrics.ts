/** What the webhook tells its metrics. */
import type { ServerResponse } from 'node:http';
import type { VerdictName, WebhookMetrics } from './metrics.ts';
import type { AdmissionDecision } from './response.ts';

/** The code of a request whose client went away before its answer, as nginx has it. */
const CLIENT_WENT_AWAY = 499;

/** Counts a request of a path, whoever answers it and however. */
export function count(response: ServerResponse, path: string, metrics: WebhookMetrics): void {
  const started = performance.now();
  metrics.requestStarted(path);
  response.once('close', () => {
    const code = response.writableFinished ? response.statusCode : CLIENT_WENT_AWAY;
    metrics.requestEnded(path, code, performance.now() - started);
  });
}

/** A refusal for faults is `Invalid`; any other says that there was nothing to judge, or that judging failed. */
export function verdictName({ allowed, patch, status }: AdmissionDecision): VerdictName {
  if (!allowed) return status?.reason === 'Invalid' ? 'denied' : 'errored';
  return patch === undefined ? 'allowed' : 'patched';
}
