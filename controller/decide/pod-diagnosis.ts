/** What the Pods of a Job show about its end: why it failed and its termination message. Pure. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { truncateMiddle } from '../../shared/truncate.ts';
import type { ObservedPod, PodTermination } from '../../shared/api/pod.ts';
import { byCreation, millis, ofJob } from './pods.ts';

/**
 * The maximum length of a termination message within a sentence, in bytes: the message of an Event is limited to 1 KiB
 * (kubernetes/pkg/apis/core/validation/events.go). The step's record in the status has more of it.
 */
const MAX_POD_MESSAGE_BYTES = 640;

/** The termination of this Job's Pod that failed last. */
export function latestFailure(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return ofJob(pods, jobUID).filter(hasFailed).sort(byEnd).at(-1)?.termination;
}

/** The termination of this Job's Pod that succeeded. */
export function successOf(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return ofJob(pods, jobUID).find(({ failed, termination }) => !failed && termination !== undefined)?.termination;
}

/**
 * The result that the container of this step handed on in this Job's Pod; undefined without one. Of several Pods that
 * succeeded, the first one counts: the Job needed no other.
 */
export function resultOf(pods: readonly ObservedPod[], jobUID: string, step: string): string | undefined {
  const succeeded = ofJob(pods, jobUID).filter(({ failed, termination }) => !failed && termination !== undefined);
  const termination = succeeded.sort(byEnd).at(0)?.termination;
  return termination?.container === step ? termination.result : undefined;
}

/**
 * Whether the Job counts failures whose Pods are not known: the cache is behind, or the Pods are deleted. A Job that
 * counts none is treated as if it counted one: the Job controller of 1.20 deletes the last Pod, counts it, and
 * sometimes overwrites that count with an older one (seen in one run of four, with restartPolicy OnFailure).
 */
export function hasUnseenFailedPods(pods: readonly ObservedPod[], job: ObservedJob | undefined): boolean {
  if (job === undefined) return false;
  return ofJob(pods, job.metadata.uid).filter(hasFailed).length < Math.max(1, job.status.failed ?? 0);
}

/**
 * The failure in one line, for a person on call: the Job's message, then the termination of its last Pod. If the Job's
 * message names the exit code already (as with a Pod failure policy), only the rest is added.
 */
export function explainFailure(
  base: { readonly reason: string; readonly message: string },
  attempts: number | undefined,
  termination: PodTermination | undefined,
): string {
  const jobMessage = base.message.trim().replace(/(?<![.;:\s])[.;:\s]+$/, '');
  if (termination === undefined)
    return jobMessage === '' ? `the Job gives no message for "${base.reason}"` : jobMessage;
  const { exitCode, message } = termination;
  const podMessage = oneLine(message);
  const hasExitCode = exitCode !== undefined && new RegExp(`\\bexit code ${exitCode}\\b`).test(jobMessage);
  const sentence = hasExitCode
    ? `${jobMessage}${reasonSuffix(termination)}`
    : joinNonEmpty('; ', jobMessage, describeTermination(attempts, termination));
  return joinNonEmpty(': ', sentence, podMessage === jobMessage ? '' : podMessage);
}

/** `attempt 4 of the container "load" ended with exit code 137 (OOMKilled)`, or `attempt 4 ended (Evicted)`. */
function describeTermination(attempts: number | undefined, termination: PodTermination): string {
  const { container, exitCode } = termination;
  const attempt = attempts === undefined || attempts < 1 ? '' : `attempt ${attempts}`;
  const what = container === undefined ? '' : `the container "${container}"`;
  const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`;
  return `${joinNonEmpty(' of ', attempt, what) || 'the Pod'} ended${code}${reasonSuffix(termination)}`;
}

/** ` (OOMKilled)`; empty for the reason `Error`, which only means a non-zero exit code. */
function reasonSuffix({ exitCode, reason }: PodTermination): string {
  return exitCode !== undefined && reason === 'Error' ? '' : ` (${reason})`;
}

/** The message in one line, without blank lines. */
function oneLine(message: string): string {
  const lines = message.split(/\r\n|[\r\n]/).map((line) => line.trim());
  return truncateMiddle(lines.filter((line) => line !== '').join(' / '), MAX_POD_MESSAGE_BYTES);
}

function joinNonEmpty(separator: string, ...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(separator);
}

function hasFailed({ failed, termination }: ObservedPod): boolean {
  return failed && termination !== undefined;
}

/** Compares by end. A Pod without an end time (evicted before it ran) counts with its creation time. */
function byEnd(a: ObservedPod, b: ObservedPod): number {
  const end = ({ termination, metadata }: ObservedPod): number => millis(termination?.at ?? metadata.creationTimestamp);
  return end(a) - end(b) || byCreation(a, b);
}
