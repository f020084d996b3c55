/** What the Pods of a Job tell about it: why it failed and what came of it. Pure. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { truncateMiddle } from '../../shared/truncate.ts';
import type { ObservedPod, PodTermination } from '../../shared/api/pod.ts';
import { byCreation, millis, ofJob } from './pods.ts';

/**
 * The part of a termination message that fits a sentence, in bytes: an Event's message has 1 KiB in all
 * (kubernetes/pkg/apis/core/validation/events.go), and the step's record in the status has more of it.
 */
const MAX_WORDS_BYTES = 640;

/** How the Pod of this Job ended that failed last. */
export function latestFailure(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return ofJob(pods, jobUID).filter(hasFailed).sort(byEnd).at(-1)?.termination;
}

/** How the Pod of this Job ended that succeeded. */
export function successOf(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return ofJob(pods, jobUID).find(({ failed, termination }) => !failed && termination !== undefined)?.termination;
}

/**
 * Whether the failed Job has failures that no Pod tells of: the cache is behind, or Pods are gone. A Job that counts none
 * may have one all the same: the Job controller of 1.20 ends the last Pod itself, counts it, and sometimes writes its count
 * of before over that (seen in one run of four, with restartPolicy OnFailure).
 */
export function hasUnseenFailedPods(pods: readonly ObservedPod[], job: ObservedJob | undefined): boolean {
  if (job === undefined) return false;
  return ofJob(pods, job.metadata.uid).filter(hasFailed).length < Math.max(1, job.status.failed ?? 0);
}

/**
 * The failure as an on-call person reads it: what the Job says, then how its last Pod ended, in one line. Where the
 * Job's own words name the exit code already (those of a Pod failure policy do), only what is new is added.
 */
export function explainFailure(
  base: { readonly reason: string; readonly message: string },
  attempts: number | undefined,
  termination: PodTermination | undefined,
): string {
  const said = base.message.trim().replace(/(?<![.;:\s])[.;:\s]+$/, '');
  if (termination === undefined) return said === '' ? `the Job tells no more than "${base.reason}"` : said;
  const { exitCode, message } = termination;
  const words = oneLine(message);
  const isTold = exitCode !== undefined && new RegExp(`\\bexit code ${exitCode}\\b`).test(said);
  const end = isTold ? `${said}${wordFor(termination)}` : joined('; ', said, ending(attempts, termination));
  return joined(': ', end, words === said ? '' : words);
}

/** `attempt 4 of the container "load" ended with exit code 137 (OOMKilled)`, or `attempt 4 ended (Evicted)`. */
function ending(attempts: number | undefined, termination: PodTermination): string {
  const { container, exitCode } = termination;
  const attempt = attempts === undefined || attempts < 1 ? '' : `attempt ${attempts}`;
  const what = container === undefined ? '' : `the container "${container}"`;
  const code = exitCode === undefined ? '' : ` with exit code ${exitCode}`;
  return `${joined(' of ', attempt, what) || 'the Pod'} ended${code}${wordFor(termination)}`;
}

/** ` (OOMKilled)`; nothing for an exit code's `Error`, which says no more than that it isn't 0. */
function wordFor({ exitCode, reason }: PodTermination): string {
  return exitCode !== undefined && reason === 'Error' ? '' : ` (${reason})`;
}

/** The lines of a message behind each other, without those that are blank. */
function oneLine(message: string): string {
  const lines = message.split(/\r\n|[\r\n]/).map((line) => line.trim());
  return truncateMiddle(lines.filter((line) => line !== '').join(' / '), MAX_WORDS_BYTES);
}

function joined(separator: string, ...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(separator);
}

function hasFailed({ failed, termination }: ObservedPod): boolean {
  return failed && termination !== undefined;
}

/** A Pod whose end has no time (it was evicted before it ran) ended after its creation, that much is known. */
function byEnd(a: ObservedPod, b: ObservedPod): number {
  const end = ({ termination, metadata }: ObservedPod): number => millis(termination?.at ?? metadata.creationTimestamp);
  return end(a) - end(b) || byCreation(a, b);
}
