/** A step as people see it: its state, its attempts, and what it did when. Pure. */
import { DEFAULT_BACKOFF_LIMIT } from '../../shared/api/group.ts';
import type { SequentialJobSpec, Step, StepStatus } from '../../shared/api/types.ts';
import { omitUndefined } from '../../shared/omit-undefined.ts';
import { millis, type StepPod } from './step-pod.ts';
import type { Segment } from './timeline.ts';

/** States of the API, and finer ones of a step that has not ended. */
export type ShownState =
  | 'Succeeded'
  | 'Failed'
  | 'Skipped'
  | 'Running'
  /** The Job has no Pod with a started container yet. */
  | 'Starting'
  /** A Pod of the step has failed; the Job tries again, or does so already. */
  | 'Retrying'
  /** The condition ResourcesUnavailable says why it cannot start or go on. */
  | 'Waiting'
  /** It runs, and the sequence is being suspended or deleted. */
  | 'Stopping'
  | 'Suspended'
  | 'Pending'
  /** The sequence has ended before it. */
  | 'Not run';

export interface StepView {
  readonly list: 'steps' | 'finally';
  readonly index: number;
  readonly name: string;
  readonly state: ShownState;
  readonly attempts?: number;
  /** How many attempts the step has. */
  readonly maxAttempts: number;
  /** Unix milliseconds. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly segments: readonly Segment[];
  readonly exitCode?: number;
  readonly reason?: string;
  /** What the container said at its end; may have several lines. */
  readonly message?: string;
  readonly jobName?: string;
  /** The step failed, and the sequence goes on (`onFailure: Continue`). */
  readonly isIgnored: boolean;
}

/** What the step's state depends on beside its own status. */
export interface Surroundings {
  readonly isCurrent: boolean;
  /** Since when the condition ResourcesUnavailable is True (Unix milliseconds), and its reason; undefined if it is not. */
  readonly waiting: { readonly since: number; readonly reason: string } | undefined;
  readonly isSuspended: boolean;
  /** The sequence is being suspended or deleted. */
  readonly isStopping: boolean;
  /** No further step of the list starts. */
  readonly hasEnded: boolean;
  /** Undefined if they could not be listed. */
  readonly pods: readonly StepPod[] | undefined;
  readonly now: number;
}

export interface StepInput {
  readonly list: 'steps' | 'finally';
  readonly index: number;
  readonly step: Step;
  readonly status: StepStatus | undefined;
  readonly defaults: SequentialJobSpec['job'];
}

export function toStepView({ list, index, step, status, defaults }: StepInput, around: Surroundings): StepView {
  const runs = podsOfStep(status, around.pods);
  const [startedAt, endedAt] = [millis(status?.startTime), millis(status?.completionTime)];
  const maxAttempts = (step.job?.backoffLimit ?? defaults?.backoffLimit ?? DEFAULT_BACKOFF_LIMIT) + 1;
  const state = status === undefined ? stateWithoutJob(around) : stateOf(status, { runs, maxAttempts }, around);
  const { attempts, exitCode, reason, message, jobName } = status ?? {};
  const isStarted = state !== 'Starting' && state !== 'Pending';
  return {
    list,
    index,
    name: step.name,
    state,
    maxAttempts,
    segments: status === undefined ? waitingSegments(around) : segmentsOf(status, runs, around),
    isIgnored: status?.state === 'Failed' && step.onFailure === 'Continue',
    ...omitUndefined({
      attempts: isStarted ? attempts : undefined,
      startedAt: status === undefined ? waitingSegments(around)[0]?.from : startedAt,
      endedAt,
      exitCode,
      reason: state === 'Waiting' ? around.waiting?.reason : reason === 'Completed' ? undefined : reason,
      message,
      jobName,
    }),
  };
}

/** The Pods of the step's recorded Job, oldest first; undefined if they could not be listed. */
const podsOfStep = (
  status: StepStatus | undefined,
  pods: readonly StepPod[] | undefined,
): readonly StepPod[] | undefined => pods?.filter(({ jobUID }) => jobUID !== undefined && jobUID === status?.jobUID);

function stateWithoutJob({ isCurrent, waiting, isSuspended, hasEnded }: Surroundings): ShownState {
  if (hasEnded) return 'Not run';
  if (!isCurrent) return 'Pending';
  if (isSuspended) return 'Suspended';
  return waiting === undefined ? 'Pending' : 'Waiting';
}

function stateOf(
  status: StepStatus,
  { runs: pods, maxAttempts }: { readonly runs: readonly StepPod[] | undefined; readonly maxAttempts: number },
  around: Surroundings,
): ShownState {
  if (status.state !== 'Running') return status.state;
  if (around.isSuspended) return 'Suspended';
  if (around.isStopping) return 'Stopping';
  if (around.waiting !== undefined) return 'Waiting';
  const hasFailed = (status.exitCode ?? 0) !== 0 || pods?.some(({ runs }) => runs.some(isFailed)) === true;
  // After its only attempt, the Job controller has only to say that it has failed.
  if ((hasFailed && maxAttempts > 1) || (status.attempts ?? 0) > 1) return 'Retrying';
  return pods?.every(({ runs }) => runs.length === 0) === true ? 'Starting' : 'Running';
}

const isFailed = ({ exitCode }: StepPod['runs'][number]): boolean => exitCode !== undefined && exitCode !== 0;

const waitingSegments = ({ isCurrent, waiting, hasEnded, now }: Surroundings): readonly Segment[] =>
  isCurrent && !hasEnded && waiting !== undefined ? [{ kind: 'waiting', from: waiting.since, to: now }] : [];

/**
 * From the Pods, what the step did when. Where Pods are gone or may not be listed, a step counts as running from its
 * start to its end.
 */
function segmentsOf(
  status: StepStatus,
  pods: readonly StepPod[] | undefined,
  { now, isStopping }: Surroundings,
): readonly Segment[] {
  const start = millis(status.startTime);
  if (start === undefined) return [];
  const end = millis(status.completionTime) ?? now;
  const ended = status.state === 'Failed' ? 'failed' : 'running';
  const runs = (pods ?? []).flatMap((pod) => pod.runs).toSorted((a, b) => a.from - b.from);
  if (runs.length === 0) {
    // The Pod of a step that is stopped is deleted.
    const hasNotStarted =
      status.state === 'Running' && pods !== undefined && (status.attempts ?? 0) <= 1 && !isStopping;
    return [{ kind: hasNotStarted ? 'waiting' : ended, from: start, to: Math.max(start, end) }];
  }
  const segments: Segment[] = [];
  let at = start;
  const lost = lostStretch(status, runs, { start, end });
  for (const run of runs) {
    const isUnknown = segments.length === 0 && lost === 'first';
    if (run.from > at) segments.push({ kind: isUnknown ? 'failed' : 'waiting', from: at, to: run.from });
    at = Math.max(at, run.to ?? end);
    segments.push({ kind: isFailed(run) ? 'failed' : 'running', from: Math.max(start, run.from), to: at });
  }
  if (end > at && lost === 'last') segments.push({ kind: ended, from: at, to: end });
  else if (end > at && status.state === 'Running') segments.push({ kind: 'waiting', from: at, to: end });
  return segments;
}

/** Where the attempts were whose Pods are gone: before the others or, if there is more time, behind them. */
function lostStretch(
  { state, attempts = 0 }: StepStatus,
  runs: StepPod['runs'],
  { start, end }: { readonly start: number; readonly end: number },
): 'first' | 'last' | undefined {
  const [first, last] = [runs[0], runs.at(-1)];
  if (attempts <= runs.length || first === undefined || last === undefined) return undefined;
  return state !== 'Running' && end - (last.to ?? end) > first.from - start ? 'last' : 'first';
}
