/** From the bytes of a review to its answer and to what the log is to say of it. Pure, so that it can be done in another thread. */
import { isUtf8 } from 'node:buffer';
import { shorten } from '../shared/validation/field.ts';
import { text } from '../shared/validation/untrusted.ts';
import { verdictName } from './counting.ts';
import type { VerdictName } from '../shared/metrics/webhook.ts';
import { errored, nameOf, type Verdict } from './response.ts';
import { type AdmissionRequest, decodeRequest, decodeReview, encodeReview, type Question } from './review.ts';

export type Reviewer = (request: AdmissionRequest) => Verdict;

/** A line for the log. */
export interface Said {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Plain data. */
export type Judged =
  /** It is no review. */
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'answered'; readonly answer: string; readonly verdict: VerdictName; readonly said: Said };

/** Never throws: what goes wrong is said in the log in full, and to the client in general. */
export function judge(bytes: Buffer, reviewer: Reviewer): Judged {
  const body = parsed(bytes);
  if ('problem' in body) return { type: 'refused', message: body.problem };
  const question = decodeReview(body.value, bytes.length);
  if ('problem' in question) return { type: 'refused', message: question.problem };
  const { verdict, said } = review(question.value, reviewer);
  return { type: 'answered', answer: encodeReview(question.value.uid, verdict), verdict: verdictName(verdict), said };
}

function parsed(bytes: Buffer): { readonly value: unknown } | { readonly problem: string } {
  if (bytes.length === 0) return { problem: 'the body must not be empty' };
  if (!isUtf8(bytes)) return { problem: 'the body must be UTF-8' };
  try {
    // `__proto__` is a property like any other to it.
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { problem: 'the body must be JSON' };
  }
}

function review(question: Question, reviewer: Reviewer): { readonly verdict: Verdict; readonly said: Said } {
  try {
    const decoded = decodeRequest(question);
    if ('problem' in decoded) {
      const fields = { ...named(question), problem: decoded.problem };
      return {
        verdict: errored(400, decoded.problem),
        said: { level: 'warn', fields, message: 'review makes no sense' },
      };
    }
    const verdict = reviewer(decoded.value);
    const { operation } = decoded.value;
    const faults = verdict.status?.details?.causes.length;
    const said: Said = verdict.allowed
      ? { level: 'debug', fields: { ...named(question), operation }, message: 'review allowed' }
      : { level: 'info', fields: { ...named(question), operation, faults }, message: 'review denied' };
    return { verdict, said };
  } catch (error) {
    const message = 'review failed: a fault of the operator';
    return {
      verdict: errored(500, 'the webhook of SequentialJobs failed to judge the object; its log says why'),
      said: { level: 'error', fields: { ...named(question), err: error }, message },
    };
  }
}

/** What a review is about, for the log, which is the operator's: a client must not fill it. */
function named({ uid, request }: Question): { readonly uid: string; readonly sequentialJob: string } {
  const namespace = shorten(text(request['namespace']) ?? '');
  return { uid: shorten(uid), sequentialJob: `${namespace}/${shorten(nameOf(request['object']))}` };
}
