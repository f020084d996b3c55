/** What the Pods of a Job tell about it: why it failed, what came of it, what keeps it waiting. Pure. */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { fitLastWords } from '../../shared/api/message.ts';
import type { JobWarning, Obstacle, ObservedPod, PodTermination } from '../../shared/api/pod.ts';

/** The Job controller's word for Pods that the API server refuses it (kubernetes/pkg/controller/controller_utils.go). */
const FAILED_CREATE = 'FailedCreate';

/**
 * The part of a termination message that fits a sentence, in bytes: an Event's message has 1 KiB in all
 * (kubernetes/pkg/apis/core/validation/events.go), and the step's record in the status has more of it.
 */
const MAX_WORDS_BYTES = 640;

/** How the Pod of this Job ended that failed last. */
export function latestFailure(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return of(pods, jobUID).filter(hasFailed).sort(byEnd).at(-1)?.termination;
}

/** How the Pod of this Job ended that succeeded. */
export function successOf(pods: readonly ObservedPod[], jobUID: string): PodTermination | undefined {
  return of(pods, jobUID).find(({ failed, termination }) => !failed && termination !== undefined)?.termination;
}

/** The Pods of these Jobs whose containers run, or may yet: also of Jobs that have failed or are gone. */
export function runningPods(pods: readonly ObservedPod[], jobUIDs: ReadonlySet<string>): readonly ObservedPod[] {
  return pods.filter(
    ({ jobUID, termination }) =>
      jobUID !== undefined && jobUIDs.has(jobUID) && (termination === undefined || termination.restarting === true),
  );
}

/**
 * Whether the failed Job has failures that no Pod tells of: the cache is behind, or Pods are gone. A Job that counts none
 * may have one all the same: the Job controller of 1.20 ends the last Pod itself, counts it, and sometimes writes its count
 * of before over that (seen in one run of four, with restartPolicy OnFailure).
 */
export function isUnexplained(pods: readonly ObservedPod[], job: ObservedJob | undefined): boolean {
  if (job === undefined) return false;
  return of(pods, job.metadata.uid).filter(hasFailed).length < Math.max(1, job.status.failed ?? 0);
}

/**
 * What keeps this Job's Pod from starting: the newest pending Pod's obstacle, else why the Job controller may not
 * create one. Undefined as soon as a Pod starts, and for a Job that has ended, is going or is suspended.
 */
export function obstacleOf(
  pods: readonly ObservedPod[],
  warnings: readonly JobWarning[],
  job: ObservedJob | undefined,
): Obstacle | undefined {
  if (job === undefined || !wantsPods(job)) return undefined;
  const own = of(pods, job.metadata.uid).sort(byCreation);
  const stuck = own.findLast(({ obstacle }) => obstacle !== undefined);
  if (stuck?.obstacle !== undefined) {
    const { reason, message } = stuck.obstacle;
    return { reason, message: `Pod "${stuck.metadata.name}": ${message}` };
  }
  // A Pod on its way means that the API server has let the Job controller create one.
  if ((job.status.active ?? 0) > 0 || own.some(isAlive)) return undefined;
  return currentWarning(warnings, job, own.at(-1));
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
  return fitLastWords(lines.filter((line) => line !== '').join(' / '), MAX_WORDS_BYTES);
}

function joined(separator: string, ...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(separator);
}

/**
 * The newest `FailedCreate` of the Job, unless it is past: the Job controller has created a Pod since, or started anew
 * after a suspension, which sets `startTime` again.
 */
function currentWarning(
  warnings: readonly JobWarning[],
  job: ObservedJob,
  newestPod: ObservedPod | undefined,
): Obstacle | undefined {
  const newest = warnings
    .filter(({ jobUID, reason }) => jobUID === job.metadata.uid && reason === FAILED_CREATE)
    .sort((a, b) => millis(a.lastSeen) - millis(b.lastSeen) || compare(a.metadata.name, b.metadata.name))
    .at(-1);
  const since = Math.max(millis(newestPod?.metadata.creationTimestamp), millis(job.status.startTime));
  if (newest === undefined || millis(newest.lastSeen) < since) return undefined;
  return { reason: newest.reason, message: newest.message };
}

function wantsPods(job: ObservedJob): boolean {
  return (
    job.metadata.deletionTimestamp === undefined && job.suspended === undefined && outcomeOf(job).type === 'running'
  );
}

function hasFailed({ failed, termination }: ObservedPod): boolean {
  return failed && termination !== undefined;
}

function isAlive({ metadata, termination }: ObservedPod): boolean {
  return metadata.deletionTimestamp === undefined && (termination === undefined || termination.restarting === true);
}

function of(pods: readonly ObservedPod[], jobUID: string): ObservedPod[] {
  return pods.filter((pod) => pod.jobUID === jobUID);
}

/** A Pod whose end has no time (it was evicted before it ran) ended after its creation, that much is known. */
function byEnd(a: ObservedPod, b: ObservedPod): number {
  const end = ({ termination, metadata }: ObservedPod): number => millis(termination?.at ?? metadata.creationTimestamp);
  return end(a) - end(b) || byCreation(a, b);
}

function byCreation(a: ObservedPod, b: ObservedPod): number {
  const created = ({ metadata }: ObservedPod): number => millis(metadata.creationTimestamp);
  return created(a) - created(b) || compare(a.metadata.name, b.metadata.name);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Unix milliseconds; 0, long ago, where a time is missing or unreadable. */
function millis(time: string | undefined): number {
  return time === undefined ? 0 : Date.parse(time) || 0;
}
