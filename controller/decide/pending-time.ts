/**
 * Since when the current step waits for its first container: the time that `job.pendingDeadlineSeconds` limits. Pure.
 *
 * A suspension starts the time anew, as does each further Pod: the time of a Pod ends with the start of any container.
 */
import { type ObservedJob, outcomeOf } from '../../shared/api/job.ts';
import { hasEnded, type ObservedPod } from '../../shared/api/pod.ts';
import { withDefaults } from '../../shared/api/defaults.ts';
import type { Condition } from '../../shared/api/types.ts';
import { jobFields } from '../../shared/jobs/job.ts';
import { getCondition } from '../../shared/conditions.ts';
import { FAILED_CREATE, unsuspendedMs } from './event-lookups.ts';
import { byCreation, millis, ofJob, wantsPods } from './pods.ts';
import { blockingDependencies, obstacle } from './resources-unavailable.ts';
import { currentSteps } from './draft.ts';
import { isFinishing, nextFinding, nextStep, runningFinding, runningJob, runningStep } from './step-view.ts';
import { EXTERNAL_CONTROLLER_TIMEOUT_MS, MAX_REQUEUE_MS } from './timers.ts';
import type { Context, Finding, State } from './types.ts';

interface PendingLimit {
  readonly seconds: number;
  /** The field of the step's Job from which it comes. */
  readonly field: 'pendingDeadlineSeconds' | 'activeDeadlineSeconds';
}

/**
 * The limit of the current step, else that of all steps; undefined if there is none. A step of `finally` waits for its Job no
 * longer than the Job may run: nothing else would end a sequence whose last steps cannot start.
 */
export function pendingLimit(context: Context): PendingLimit | undefined {
  const { job } = withDefaults(context.snapshot.object.spec);
  const own = nextStep(context)?.job;
  // Go clients send null for an unset field.
  const pending = own?.pendingDeadlineSeconds ?? job.pendingDeadlineSeconds ?? undefined;
  if (pending !== undefined) return { seconds: pending, field: 'pendingDeadlineSeconds' };
  if (!isFinishing(context.draft) || runningStep(context.draft) !== undefined) return undefined;
  const seconds = jobFields(own, job, 'finally').activeDeadlineSeconds;
  return seconds === undefined ? undefined : { seconds, field: 'activeDeadlineSeconds' };
}

/** The recorded ResourcesUnavailable condition while it is True. */
export function recordedObstacle({ snapshot }: Context): Condition | undefined {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return known?.status === 'True' ? known : undefined;
}

/** When the obstacle was recorded, in Unix milliseconds; now if it is not recorded yet. */
function obstacleSinceMs(context: Context): number {
  const known = recordedObstacle(context);
  return known === undefined ? context.nowMs : millis(known.lastTransitionTime);
}

/**
 * Since when a step without a Job waits: for objects, quota or permissions. The condition may be older than the step,
 * if the previous step had an obstacle, too, or than a resume.
 */
function waitingSinceMs(context: Context): number | undefined {
  const finding = context.snapshot.claims?.type === 'postponed' ? context.snapshot.claims : nextFinding(context);
  const isBlocked = finding?.type === 'dependencies' && blockingDependencies(finding.missing, context).length > 0;
  if (!isBlocked && finding?.type !== 'postponed') return undefined;
  const last = currentSteps(context.draft).at(-1) ?? context.draft.steps.at(-1);
  const { activeStartTime } = context.draft;
  return Math.max(obstacleSinceMs(context), millis(last?.completionTime), millis(activeStartTime));
}

/** The newest Pod of the Job; undefined without permission to list Pods, because the cache is outdated then. */
function newestPod({ snapshot }: Context, { metadata }: ObservedJob): ObservedPod | undefined {
  const pods = snapshot.podsForbidden === true ? [] : (snapshot.pods ?? []);
  return ofJob(pods, metadata.uid).sort(byCreation).at(-1);
}

/** Set as long as the Job is suspended, by its controller. */
const suspendedCondition = ({ status }: ObservedJob): { readonly lastTransitionTime?: string } | undefined =>
  status.conditions?.find(({ type }) => type === 'Suspended');

/** Since when no container of this Job has started; undefined if one runs, or if the Job needs none. */
function jobPendingSinceMs(context: Context, job: ObservedJob): number | undefined {
  if (context.snapshot.object.spec.suspend === true || job.suspended?.byOperator === true) return undefined;
  const newest = newestPod(context, job);
  if (job.suspended !== undefined) return heldSinceMs(context, job, newest);
  // The Job controller sets `startTime` anew when it sees that the Job is no longer suspended.
  if (!wantsPods(job) || suspendedCondition(job) !== undefined) return undefined;
  const { active = 0, terminating = 0, failed = 0, startTime } = job.status;
  const fromMs = Math.max(millis(startTime ?? job.metadata.creationTimestamp), unsuspendedMs(context));
  const createdMs = millis(newest?.metadata.creationTimestamp);
  if (newest?.neverStarted === true) return Math.max(fromMs, createdMs);
  // Without permission to list Pods, or before they are cached, only the Job's counts show whether it has any.
  if (newest === undefined && active + terminating + failed === 0) return fromMs;
  const idleMs = Math.max(fromMs, createdMs, millis(newest?.termination?.at));
  if (active > 0 && mayHaveUnseenPod(context, job, newest)) return idleMs;
  // Between two attempts.
  return obstacle(context)?.reason === FAILED_CREATE ? Math.max(idleMs, obstacleSinceMs(context)) : undefined;
}

/** Whether the active Pod that the Job counts is missing from the cache, and a list of the Pods can show it. */
function mayHaveUnseenPod(context: Context, job: ObservedJob, newest: ObservedPod | undefined): boolean {
  if (context.snapshot.podsForbidden === true || job.managedBy !== undefined) return false;
  const isListed = isPodListFinal(runningFinding(context));
  return !isListed && (newest === undefined || hasEnded(newest));
}

/**
 * Whether this reconcile does not list the Pods again: it has done so, or a finding must stay that says that the watch
 * does not show the Job.
 */
export const isPodListFinal = (finding: Finding | undefined): boolean =>
  finding?.type === 'inspected' || finding?.type === 'labelsRemoved';

/** Since when another client keeps the Job suspended; undefined while its Pods run. */
function heldSinceMs(context: Context, job: ObservedJob, newest: ObservedPod | undefined): number | undefined {
  if (outcomeOf(job).type !== 'running' || job.metadata.deletionTimestamp !== undefined) return undefined;
  const { active = 0, terminating = 0, startTime } = job.status;
  const runs = newest === undefined ? active + terminating > 0 : newest.neverStarted !== true && !hasEnded(newest);
  const condition = suspendedCondition(job);
  // The Job controller has not suspended the Job yet.
  const isUnseen = condition === undefined && startTime !== undefined;
  if (runs || isUnseen) return undefined;
  return Math.max(
    millis(job.metadata.creationTimestamp),
    millis(condition?.lastTransitionTime),
    millis(newest?.termination?.at),
    unsuspendedMs(context),
  );
}

/** When the time limit of the current step passes, in Unix milliseconds; undefined if the step does not wait. */
function pendingDueMs(context: Context): number | undefined {
  const { seconds } = pendingLimit(context) ?? {};
  if (seconds === undefined) return undefined;
  const job = runningJob(context);
  if (runningStep(context.draft) === undefined) return limitMs(waitingSinceMs(context), seconds);
  return job === undefined ? undefined : limitMs(jobPendingSinceMs(context, job), seconds);
}

const limitMs = (since: number | undefined, seconds: number): number | undefined =>
  since === undefined ? undefined : since + seconds * 1000;

/** Whether the current step has waited for longer than its time limit. */
export function isPendingTooLong(context: Context): boolean {
  const due = pendingDueMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** Whether the operator is ending this Job because no container has started in time. */
export const isEndedBeforeStart = (job: ObservedJob | undefined): boolean =>
  job?.endedBecause !== undefined && job.deadlineSeconds === 0;

/**
 * When the operator stops waiting for an external Job controller to end the Job, in Unix milliseconds; undefined if it
 * does not wait for one.
 */
function externalTimeoutMs(context: Context): number | undefined {
  const job = runningJob(context);
  if (job?.managedBy === undefined || !isEndedBeforeStart(job)) return undefined;
  const { seconds = 0 } = pendingLimit(context) ?? {};
  const fromMs = Math.max(millis(job.status.startTime), millis(job.metadata.creationTimestamp));
  return fromMs + seconds * 1000 + EXTERNAL_CONTROLLER_TIMEOUT_MS;
}

/** Whether the external controller of the running step's Job did not end it in time. */
export function externalEndTimedOut(context: Context): boolean {
  const due = externalTimeoutMs(context);
  return due !== undefined && context.nowMs >= due;
}

/** The states in which a step may wait. */
const WAITING: ReadonlySet<State> = new Set<State>(['StepPending', 'StepRunning', 'FinallyPending', 'FinallyRunning']);

/** Milliseconds until the time limit of the current step passes; undefined if it does not wait, or has no limit. */
export function nextPendingDeadlineMs(context: Context): number | undefined {
  const { draft, nowMs } = context;
  if (!WAITING.has(draft.state)) return undefined;
  const due = pendingDueMs(context) ?? externalTimeoutMs(context);
  return due === undefined || due <= nowMs ? undefined : Math.min(due - nowMs, MAX_REQUEUE_MS);
}
