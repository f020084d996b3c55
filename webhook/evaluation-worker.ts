/** The thread that judges large reviews: see evaluation-thread.ts. */
import { type MessagePort, parentPort } from 'node:worker_threads';
import { errored } from './response.ts';
import { evaluateReview, type EvaluatedReview } from './evaluate.ts';
import { REVIEWERS } from './paths.ts';
import { warmUp } from './validate.ts';

export interface Request {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly ownNamespace: string | undefined;
}

/** Answers reviews one after the other, for as long as the thread lives. */
export function judgeReviews(port: MessagePort | null = parentPort): void {
  if (port === null) throw new Error('there is nobody to judge for');
  warmUp();
  port.on('message', (request: Request) => port.postMessage(answerTo(request), []));
}

function answerTo({ path, bytes, ownNamespace }: Request): EvaluatedReview {
  const reviewer = REVIEWERS[path] ?? ((): ReturnType<typeof errored> => errored(500, `nobody judges ${path}`));
  return evaluateReview(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), reviewer, ownNamespace);
}
