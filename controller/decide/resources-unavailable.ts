/** Why the current step cannot start or end: the content of the ResourcesUnavailable condition. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { Obstacle } from '../../shared/api/pod.ts';
import type { Dependency } from '../../shared/jobs/dependencies.ts';
import { getCondition } from '../../shared/conditions.ts';
import { isOwned, nextJobName, runningJob, runningStep, oncePerContext } from './step-view.ts';
import { obstacleOf } from './job-obstacle.ts';
import { overduePods, describePods } from './leftover-pods.ts';
import { truncateMessage, isSameMessage } from './status-size.ts';
import type { Context, Finding } from './types.ts';

type Postponed = Extract<Finding, { type: 'postponed' }>;

const REASON_OF: Readonly<Record<Dependency['kind'], string>> = {
  Secret: REASON.secretNotFound,
  ConfigMap: REASON.configMapNotFound,
  PersistentVolumeClaim: REASON.claimNotFound,
};

export interface CurrentObstacle extends Obstacle {
  /** The recorded condition has the same message. */
  readonly isRecorded: boolean;
}

/** What keeps the current step from starting or ending; undefined if nothing is known to. */
export const obstacle = oncePerContext((context: Context): CurrentObstacle | undefined => {
  const { draft, snapshot } = context;
  const found =
    runningStep(draft) === undefined
      ? missing(context)
      : (overduePodsObstacle(context) ??
        unownedSuspendedJob(context) ??
        obstacleOf(snapshot.pods ?? [], snapshot.eventLookup, runningJob(context)));
  if (found === undefined) return undefined;
  const message = truncateMessage(found.message);
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return { ...found, message, isRecorded: known?.status === 'True' && isSameMessage(known.message, message) };
});

/** Why the step waits, as a sentence. */
export function waitingMessage({ reason, message, isAtEnd }: Obstacle, label: string): string {
  if (isAtEnd === true) return MESSAGE.stepNotEnding(label, message);
  return POSSIBLY_STARTED.has(reason) ? MESSAGE.stepWaiting(label, message) : MESSAGE.stepCannotStart(label, message);
}

/** Reasons with which the step may have started already. */
const POSSIBLY_STARTED: ReadonlySet<string> = new Set([REASON.jobSuspended, REASON.podStillTerminating]);

/** Overdue Pods that keep the Job from creating another Pod or from ending. */
function overduePodsObstacle(context: Context): Obstacle | undefined {
  const pods = overduePods(context);
  if (pods.length === 0) return undefined;
  return { reason: REASON.podStillTerminating, message: MESSAGE.podsOverdue(describePods(pods, context.nowMs)) };
}

/** A Job that the operator suspended and that lost its owner reference since: the operator must not unsuspend it. */
function unownedSuspendedJob(context: Context): Obstacle | undefined {
  const job = runningJob(context);
  const isSuspendedByUs = job?.suspended?.byOperator === true && context.snapshot.object.spec.suspend !== true;
  if (!isSuspendedByUs || isOwned(job, context.snapshot)) return undefined;
  return { reason: REASON.jobSuspended, message: MESSAGE.jobNotOwned(job.metadata.name) };
}

/** How long a step waits for an object that an init container of its Pod may create. */
const INIT_CONTAINER_WAIT_MS = 15_000;

/**
 * The missing objects that the step still waits for. Objects that the step's own Pod may create block for a limited
 * time only: then the Pod waits for them itself. If the API server has rejected the Job for now, that time had passed
 * already.
 */
export function blockingDependencies(missing: readonly Dependency[], context: Context): readonly Dependency[] {
  const known = getCondition(context.snapshot.object.status?.conditions, 'ResourcesUnavailable');
  const wasPostponed = known?.status === 'True' && POSTPONED.has(known.reason);
  const isOver = wasPostponed || waitedMs(context) >= INIT_CONTAINER_WAIT_MS;
  return isOver && missing.every(({ mayBeCreated }) => mayBeCreated === true) ? [] : missing;
}

const POSTPONED: ReadonlySet<string> = new Set([REASON.quotaExceeded, REASON.permissionDenied]);

function missing(context: Context): Obstacle | undefined {
  const finding = context.snapshot.findings[nextJobName(context)];
  if (finding?.type === 'postponed') return { reason: finding.reason, message: postponedMessage(finding, context) };
  const { claims } = context.snapshot;
  if (claims?.type === 'postponed') return { reason: claims.reason, message: claims.message };
  const found = finding?.type === 'dependencies' ? finding.missing : [];
  const [first] = found;
  if (first === undefined) return undefined;
  const names = found.map(({ kind, name }) => `${kind} "${name}"`);
  return { reason: REASON_OF[first.kind], message: MESSAGE.missing(names) };
}

/** A quota of Jobs also counts finished Jobs, so the sequence may block itself. */
function postponedMessage({ reason, message }: Postponed, { snapshot }: Context): string {
  if (reason === 'PermissionDenied') return MESSAGE.permissionDenied(message);
  return MESSAGE.quotaExceeded(message, snapshot.jobs.length);
}

/** Appends the recorded obstacle, if any, to the failure of a step that exceeded the deadline. */
export function withObstacle({ snapshot }: Context, failure: string): string {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  if (known?.status !== 'True') return failure;
  if (POSSIBLY_STARTED.has(known.reason)) return MESSAGE.withCause(failure, known.message);
  const isAtEnd = known.reason === REASON.containerStillRunning;
  return (isAtEnd ? MESSAGE.didNotEnd : MESSAGE.couldNotStart)(failure, known.message);
}

/** Milliseconds between two checks: the delay grows with the waiting time. */
const RECHECK = { minMs: 5_000, maxMs: 30_000 } as const;

/**
 * Milliseconds until the next check for missing objects; grows with the waiting time. Computed from the condition, so a
 * restart does not change it.
 */
export function retryMs(context: Context): number {
  return Math.min(RECHECK.maxMs, Math.max(RECHECK.minMs, Math.round(waitedMs(context) / 4)));
}

/** How long the step has been waiting, by the condition's transition time; 0 if the condition is not True. */
function waitedMs({ snapshot, nowMs }: Context): number {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return known?.status === 'True' ? nowMs - Date.parse(known.lastTransitionTime) : 0;
}
