/** What depends on the time: the deadline of the sequence, how long it is kept after its end, and when to look again. */
import { isTrue } from '../../shared/conditions.ts';
import type { SequentialJobStatus } from '../../shared/api/types.ts';
import { toTimestamp } from '../../shared/api/time.ts';
import { runningJob } from './step-view.ts';
import type { Context, Draft } from './types.ts';

/** How far the clocks of two machines may be apart. */
export const CLOCK_SKEW_MS = 60_000;

/** When `spec.activeDeadlineSeconds` is over, in Unix milliseconds; undefined where there is no such moment, or not yet. */
function deadlineMs({ draft, snapshot }: Context): number | undefined {
  const seconds = snapshot.object.spec.activeDeadlineSeconds ?? undefined;
  const from = draft.activeStartTime ?? draft.startTime;
  if (seconds === undefined || from === undefined || draft.suspendedSince !== undefined) return undefined;
  return Date.parse(from) + seconds * 1000;
}

/** Whether the sequence has been active for longer than it may. */
export function isOverdue(context: Context): boolean {
  const due = deadlineMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** How long another controller than Kubernetes' own has to end a Job whose time is up. */
const MANAGED_PATIENCE_MS = 30_000;

/** When a Job that another controller runs (`spec.managedBy`) counts as ended by its time limit all the same, in Unix milliseconds. */
function abandonedMs(context: Context): number | undefined {
  const job = runningJob(context);
  const due = deadlineMs(context);
  const isEnding = job?.managedBy !== undefined && job.deadlineSeconds === 0;
  return isEnding && due !== undefined ? due + MANAGED_PATIENCE_MS : undefined;
}

/** Whether the controller of the running step's Job has not ended it, long after its time was up. */
export function isAbandoned(context: Context): boolean {
  const due = abandonedMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** The end as it stands on record; what this very reconcile decided has to be written first. */
function recordedEnd(status: SequentialJobStatus | undefined): string | undefined {
  const hasEnded = isTrue(status?.conditions, 'Complete') || isTrue(status?.conditions, 'Failed');
  return hasEnded ? status?.completionTime : undefined;
}

function expiryMs(context: Context, end: string | undefined): number | undefined {
  const seconds = context.snapshot.object.spec.ttlSecondsAfterFinished ?? undefined;
  return seconds === undefined || end === undefined ? undefined : Date.parse(end) + seconds * 1000;
}

/** Whether the sequence is over, on record, and has been kept for as long as it should be. */
export function hasExpired(context: Context): boolean {
  const due = expiryMs(context, recordedEnd(context.snapshot.object.status));
  return due !== undefined && context.nowMs >= due;
}

/**
 * Timers count how long the machine runs, and what is due is told by the clock: one that is set, or a machine that sleeps,
 * makes us late by so much at most.
 */
const MAX_REQUEUE_MS = 600_000;

/** In how many milliseconds to look whether something is due by the clock alone; undefined where nothing will be. */
export function nextDeadlineMs(context: Context): number | undefined {
  const ms = msLeft(context);
  return ms === undefined ? undefined : Math.min(ms, MAX_REQUEUE_MS);
}

function msLeft(context: Context): number | undefined {
  const { draft, nowMs } = context;
  switch (draft.state) {
    case 'StepPending':
    case 'StepRunning': {
      const due = deadlineMs(context);
      if (due === undefined || due > nowMs) return due === undefined ? undefined : due - nowMs;
      // Past it, the answer of the Job's controller is what is waited for: another than Kubernetes' own need not give one.
      const patience = abandonedMs(context);
      return patience === undefined ? undefined : Math.max(0, patience - nowMs);
    }
    case 'Completed':
    case 'Failed': {
      const due = expiryMs(context, draft.completionTime);
      // Past it, and on record: it is being deleted, or waits for something else.
      return due === undefined || hasExpired(context) ? undefined : Math.max(0, due - nowMs);
    }
    case 'New':
    case 'Suspended':
    case 'Deleting':
    case 'Gone':
      return undefined;
  }
}

/** The draft when its suspension is over: the deadline counts from as much later as that took. */
export function shiftDeadlineBySuspension({ draft, snapshot, now }: Context): Draft {
  const { suspendedSince, ...rest } = draft;
  const from = draft.activeStartTime ?? snapshot.object.status?.startTime;
  const ms = suspendedSince === undefined ? 0 : Math.max(0, Date.parse(now) - Date.parse(suspendedSince));
  const moved = from === undefined || ms === 0 ? {} : { activeStartTime: toTimestamp(Date.parse(from) + ms) };
  return { ...rest, ...moved, suspendedSince: undefined };
}
