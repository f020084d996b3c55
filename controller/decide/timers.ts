/** Everything that depends on the current time: the sequence's deadline, its time to live, and the next requeue. */
import { isTrue } from '../../shared/conditions.ts';
import type { SequentialJobStatus } from '../../shared/api/types.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { runningJob } from './step-view.ts';
import type { Context, Draft } from './types.ts';

/** Tolerated difference between the clocks of two machines. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * When the deadline (`spec.activeDeadlineSeconds`) passes, in Unix milliseconds; undefined without a deadline, before
 * the start, while suspended, and once the steps have ended: it does not cover those of `finally`.
 */
function deadlineMs({ draft, snapshot }: Context): number | undefined {
  const seconds = snapshot.object.spec.activeDeadlineSeconds ?? undefined;
  const from = draft.activeStartTime ?? draft.startTime;
  if (seconds === undefined || from === undefined || draft.suspendedSince !== undefined || draft.finally !== undefined)
    return undefined;
  return Date.parse(from) + seconds * 1000;
}

/** Whether the sequence's deadline has passed. */
export function isPastDeadline(context: Context): boolean {
  const due = deadlineMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** How long an external Job controller (`spec.managedBy`) may take to end a Job after the deadline. */
export const EXTERNAL_CONTROLLER_TIMEOUT_MS = 30_000;

/**
 * When the operator stops waiting for an external Job controller to end the Job, in Unix milliseconds; undefined if it
 * does not wait for one.
 */
function externalTimeoutMs(context: Context): number | undefined {
  const job = runningJob(context);
  const due = deadlineMs(context);
  const isEnding = job?.managedBy !== undefined && job.deadlineSeconds === 0;
  return isEnding && due !== undefined ? due + EXTERNAL_CONTROLLER_TIMEOUT_MS : undefined;
}

/** Whether the external controller of the running step's Job did not end it in time after the deadline. */
export function externalControllerTimedOut(context: Context): boolean {
  const due = externalTimeoutMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** The recorded completion time. A completion that this reconcile has decided must be written first. */
function recordedCompletionTime(status: SequentialJobStatus | undefined): string | undefined {
  const isFinished = isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed');
  return isFinished ? status?.completionTime : undefined;
}

function expiryMs(context: Context, end: string | undefined): number | undefined {
  const seconds = context.snapshot.object.spec.ttlSecondsAfterFinished ?? undefined;
  return seconds === undefined || end === undefined ? undefined : Date.parse(end) + seconds * 1000;
}

/** Whether the sequence is recorded as finished and its time to live has passed. */
export function hasExpired(context: Context): boolean {
  const due = expiryMs(context, recordedCompletionTime(context.snapshot.object.status));
  return due !== undefined && context.nowMs >= due;
}

/** Timers do not follow changes of the wall clock or a suspended machine; this limits the delay they can cause. */
export const MAX_REQUEUE_MS = 600_000;

/** Milliseconds until the next timed check; undefined if nothing depends on the time. */
export function nextDeadlineMs(context: Context): number | undefined {
  const ms = msUntilDue(context);
  return ms === undefined ? undefined : Math.min(ms, MAX_REQUEUE_MS);
}

function msUntilDue(context: Context): number | undefined {
  const { draft, nowMs } = context;
  switch (draft.state) {
    case 'StepPending':
    case 'StepRunning': {
      const due = deadlineMs(context);
      if (due === undefined || due > nowMs) return due === undefined ? undefined : due - nowMs;
      // After the deadline the operator waits for the Job's controller; an external controller may never answer.
      const timeout = externalTimeoutMs(context);
      return timeout === undefined ? undefined : Math.max(0, timeout - nowMs);
    }
    case 'Completed':
    case 'Failed': {
      const due = expiryMs(context, draft.completionTime);
      // Expired: the object is being deleted, or the deletion waits for something else.
      return due === undefined || hasExpired(context) ? undefined : Math.max(0, due - nowMs);
    }
    case 'New':
    case 'Ended':
    case 'FinallyPending':
    case 'FinallyRunning':
    case 'Suspended':
    case 'Deleting':
    case 'Gone':
      return undefined;
  }
}

/** Ends the suspension and shifts the start of the deadline by its duration. */
export function shiftDeadlineBySuspension({ draft, snapshot, now }: Context): Draft {
  const { suspendedSince, ...rest } = draft;
  const from = draft.activeStartTime ?? snapshot.object.status?.startTime;
  const ms = suspendedSince === undefined ? 0 : Math.max(0, Date.parse(now) - Date.parse(suspendedSince));
  const shifted = from === undefined || ms === 0 ? {} : { activeStartTime: toTimestamp(Date.parse(from) + ms) };
  return { ...rest, ...shifted, suspendedSince: undefined };
}
