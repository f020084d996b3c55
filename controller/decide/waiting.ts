/** Why the current step cannot start, as the ResourcesUnavailable condition says it. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { Obstacle } from '../../shared/api/pod.ts';
import type { Dependency } from '../../shared/jobs/dependencies.ts';
import { getCondition } from '../../shared/conditions.ts';
import { isOwned, nextJobName, runningJob, runningStep, oncePerContext } from './step-view.ts';
import { obstacleOf } from './obstacle.ts';
import { lostPods, podNames } from './pods-left.ts';
import { truncateMessage, isSameMessage } from './size.ts';
import type { Context, Finding } from './types.ts';

type Postponed = Extract<Finding, { type: 'postponed' }>;

const REASON_OF: Readonly<Record<Dependency['kind'], string>> = {
  Secret: REASON.secretNotFound,
  ConfigMap: REASON.configMapNotFound,
  PersistentVolumeClaim: REASON.claimNotFound,
};

export interface Wait extends Obstacle {
  /** The condition on record says the same already. */
  readonly isKnown: boolean;
}

/** What keeps the current step from starting; undefined where nothing does, as far as anybody has looked. */
export const obstacle = oncePerContext((context: Context): Wait | undefined => {
  const { draft, snapshot } = context;
  const found =
    runningStep(draft) === undefined
      ? missing(context)
      : (lost(context) ?? letGo(context) ?? obstacleOf(snapshot.pods ?? [], snapshot.eventLookup, runningJob(context)));
  if (found === undefined) return undefined;
  const message = truncateMessage(found.message);
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return { ...found, message, isKnown: known?.status === 'True' && isSameMessage(known.message, message) };
});

/** What the step waits for, in a sentence. */
export function waitingMessage({ reason, message, isAtEnd }: Obstacle, label: string): string {
  if (isAtEnd === true) return MESSAGE.notEnding(label, message);
  return HOLDING.has(reason) ? MESSAGE.stepWaiting(label, message) : MESSAGE.cannotStart(label, message);
}

/** The step may have begun. */
const HOLDING: ReadonlySet<string> = new Set([REASON.jobSuspended, REASON.podStillTerminating]);

/** Pods that the Job waits for before it starts another one, or ends. */
function lost(context: Context): Obstacle | undefined {
  const pods = lostPods(context);
  if (pods.length === 0) return undefined;
  return { reason: REASON.podStillTerminating, message: MESSAGE.podsOverdue(podNames(pods, context.nowMs)) };
}

/** A Job that we suspended, and that was taken from the sequence since: it is not ours to let go on. */
function letGo(context: Context): Obstacle | undefined {
  const job = runningJob(context);
  const isHeld = job?.suspended?.byOperator === true && context.snapshot.object.spec.suspend !== true;
  if (!isHeld || isOwned(job, context.snapshot)) return undefined;
  return { reason: REASON.jobSuspended, message: MESSAGE.jobNotOwned(job.metadata.name) };
}

/** How long a step waits for what an init container of its Pod may create. */
const CREATED_WAIT_MS = 15_000;

/**
 * Those that the step still waits for: the others may be created by its own Pod, which then waits by itself. A Job that the API
 * server has refused for now was tried because that wait was over.
 */
export function blockingDependencies(missing: readonly Dependency[], context: Context): readonly Dependency[] {
  const known = getCondition(context.snapshot.object.status?.conditions, 'ResourcesUnavailable');
  const wasTried = known?.status === 'True' && REFUSED_FOR_NOW.has(known.reason);
  const isOver = wasTried || waitedMs(context) >= CREATED_WAIT_MS;
  return isOver && missing.every(({ mayBeCreated }) => mayBeCreated === true) ? [] : missing;
}

const REFUSED_FOR_NOW: ReadonlySet<string> = new Set([REASON.quotaExceeded, REASON.permissionDenied]);

function missing(context: Context): Obstacle | undefined {
  const finding = context.snapshot.findings[nextJobName(context)];
  if (finding?.type === 'postponed') return { reason: finding.reason, message: postponed(finding, context) };
  const found = finding?.type === 'dependencies' ? finding.missing : [];
  const [first] = found;
  if (first === undefined) return undefined;
  const names = found.map(({ kind, name }) => `${kind} "${name}"`);
  return { reason: REASON_OF[first.kind], message: MESSAGE.missing(names) };
}

/** A quota of Jobs counts those that are over: the sequence may be in its own way. */
function postponed({ reason, message }: Postponed, { snapshot }: Context): string {
  if (reason === 'PermissionDenied') return MESSAGE.permissionDenied(message);
  return MESSAGE.quotaExceeded(message, snapshot.jobs.length);
}

/** The failure of a step whose time was up, with what kept it from starting or ending until then, as far as that is on record. */
export function withObstacle({ snapshot }: Context, failure: string): string {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  if (known?.status !== 'True') return failure;
  if (HOLDING.has(known.reason)) return MESSAGE.failedWhileBlocked(failure, known.message);
  const isAtEnd = known.reason === REASON.containerStillRunning;
  return (isAtEnd ? MESSAGE.neverEnded : MESSAGE.neverStarted)(failure, known.message);
}

/** Every 5 s at first, every 30 s in the end. */
const RECHECK = { minMs: 5_000, maxMs: 30_000 } as const;

/** When to look again for what is missing: the longer it has been, the later; read off the condition, so that a restart changes nothing. */
export function retryMs(context: Context): number {
  return Math.min(RECHECK.maxMs, Math.max(RECHECK.minMs, Math.round(waitedMs(context) / 4)));
}

/** For how long the step has been waiting, by the condition; 0 where it says nothing. */
function waitedMs({ snapshot, nowMs }: Context): number {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return known?.status === 'True' ? nowMs - Date.parse(known.lastTransitionTime) : 0;
}
