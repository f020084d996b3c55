/** The worker thread that evaluates large reviews: see evaluation-thread.ts. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { errored } from './response.ts';
import { evaluateReview, type EvaluatedReview } from './evaluate.ts';
import { REVIEWERS } from './paths.ts';
import { warmUp } from './validate.ts';

export interface EvaluationRequest {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly ownNamespace: string | undefined;
}

/** Answers reviews one after the other while the thread runs. */
export function evaluateReviews(port: MessagePort | null = parentPort): void {
  if (port === null) throw new Error('must run in a worker thread');
  warmUp();
  port.on('message', (request: EvaluationRequest) => port.postMessage(answerTo(request), []));
}

function answerTo({ path, bytes, ownNamespace }: EvaluationRequest): EvaluatedReview {
  const reviewer = REVIEWERS[path] ?? ((): ReturnType<typeof errored> => errored(500, `no reviewer for ${path}`));
  return evaluateReview(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), reviewer, ownNamespace);
}
