/** Evaluates the bytes of a review: returns the answer and a log line. Pure, so that it can run in another thread. */
import { isUtf8 } from 'node:buffer';
import type { VerdictName } from './metrics.ts';
import type { SampledLine } from '../shared/sampled-log.ts';
import { shorten } from '../shared/validation/field-error.ts';
import { nonEmptyString } from '../shared/json/untrusted.ts';
import { verdictName } from './request-metrics.ts';
import type { HttpRefusal } from './request-body.ts';
import { errored, nameOf, type AdmissionDecision } from './response.ts';
import { type AdmissionRequest, decodeRequest, decodeReview, encodeReview, type UndecodedRequest } from './review.ts';
import { hasMoreValues, MAX_NAMES, MAX_VALUES } from './json-size.ts';

/** `ownNamespace`: the operator's own namespace. */
export type Reviewer = (request: AdmissionRequest, ownNamespace?: string) => AdmissionDecision;

/** A line for the log. */
export interface LogLine extends Omit<SampledLine, 'level'> {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

/** Plain data that can be posted to another thread. */
export type EvaluatedReview = ({ readonly type: 'refused' } & HttpRefusal) | AnsweredReview;

export interface AnsweredReview {
  readonly type: 'answered';
  readonly answer: string;
  readonly verdict: VerdictName;
  /** Whether the review contains a valid request. */
  readonly isWellFormed: boolean;
  readonly logLine: LogLine;
}

const TOO_MANY = `the body must not have more than ${MAX_VALUES} values, or ${MAX_NAMES} names of properties`;

/** The body is not a review. */
const refused = (status: HttpRefusal['status'], message: string): EvaluatedReview => ({
  type: 'refused',
  status,
  message,
});

/** Never throws: an internal error is logged in full, and the client gets a general message. */
export function evaluateReview(bytes: Buffer, reviewer: Reviewer, ownNamespace?: string): EvaluatedReview {
  if (hasMoreValues(bytes)) return refused(413, TOO_MANY);
  const body = parseJson(bytes);
  if ('problem' in body) return refused(400, body.problem);
  const undecoded = decodeReview(body.value, bytes.length);
  if ('problem' in undecoded) return refused(400, undecoded.problem);
  const { verdict, logLine } = review(undecoded.value, reviewer, ownNamespace);
  return {
    type: 'answered',
    answer: encodeReview(undecoded.value.uid, verdict),
    verdict: verdictName(verdict),
    isWellFormed: verdict.status?.code !== 400,
    logLine,
  };
}

function parseJson(bytes: Buffer): { readonly value: unknown } | { readonly problem: string } {
  if (bytes.length === 0) return { problem: 'the body must not be empty' };
  if (!isUtf8(bytes)) return { problem: 'the body must be UTF-8' };
  try {
    // JSON.parse treats `__proto__` as an ordinary property.
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return { problem: 'the body must be JSON' };
  }
}

interface Evaluation {
  readonly verdict: AdmissionDecision;
  readonly logLine: LogLine;
}

function review(question: UndecodedRequest, reviewer: Reviewer, ownNamespace: string | undefined): Evaluation {
  const logFields = reviewLogFields(question);
  try {
    const decoded = decodeRequest(question);
    if ('problem' in decoded) {
      const { problem } = decoded;
      const fields = { ...logFields, problem };
      return { verdict: errored(400, problem), logLine: logLine('warn', 'malformed AdmissionReview', fields, problem) };
    }
    const verdict = reviewer(decoded.value, ownNamespace);
    const fields = { ...logFields, operation: decoded.value.operation };
    if (verdict.allowed) return { verdict, logLine: logLine('debug', 'review allowed', fields) };
    const errors = verdict.status?.details?.causes.length;
    return { verdict, logLine: logLine('info', 'review denied', { ...fields, errors }) };
  } catch (error) {
    return {
      verdict: errored(500, 'the SequentialJob webhook failed to review the object; see its log'),
      logLine: logLine('error', 'internal error: review failed (please report)', { ...logFields, err: error }),
    };
  }
}

const logLine = (level: LogLine['level'], msg: string, fields: LogLine['fields'], kind = ''): LogLine => ({
  level,
  msg,
  kind,
  fields,
});

/** Identifies the review in the log; truncated, because the values come from a client. */
function reviewLogFields({ uid, request }: UndecodedRequest): { readonly uid: string; readonly sequentialJob: string } {
  const namespace = shorten(nonEmptyString(request['namespace']) ?? '');
  return { uid: shorten(uid), sequentialJob: `${namespace}/${shorten(nameOf(request['object']))}` };
}
