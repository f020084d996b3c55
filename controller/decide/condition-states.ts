/** The conditions of the draft. Pure. */
import { type ConditionState, type ConditionStates, getCondition } from '../../shared/conditions.ts';
import type { Obstacle } from '../../shared/api/pod.ts';
import { type Failure, MESSAGE, REASON, stepLabel } from '../../shared/api/reasons.ts';
import {
  currentStepLabel,
  isFinishing,
  isOwned,
  nextJobName,
  nextStep,
  runningJob,
  runningStep,
  strayJobs,
} from './step-view.ts';
import { overduePods, describePods, leftoverPods, isResumeBlocked } from './leftover-pods.ts';
import { truncateMessage } from './status-size.ts';
import { completionMessage, outcomeMessage } from './completion-message.ts';
import { isEventLookupPending } from './event-lookups.ts';
import { suspendAgainInMs } from './suspend-backoff.ts';
import type { Context } from './types.ts';
import { graceSeconds, leftoverPodsGraceMs } from './pod-list-forbidden.ts';
import { obstacle, waitingMessage } from './resources-unavailable.ts';

/** The state of each condition. */
export function conditionStates(context: Context): ConditionStates {
  const { draft } = context;
  const done = draft.state === 'Completed';
  const complete = done ? completionCondition(context) : undefined;
  const incomplete = { status: 'False', reason: REASON.notCompleted, message: MESSAGE.notCompleted } as const;
  const progress = progressing(context);
  const failed = failedCondition(context);
  return {
    Available: complete ?? incomplete,
    Progressing: progress,
    Failed: failed ?? { status: 'False', reason: REASON.notFailed, message: MESSAGE.notFailed },
    Complete: complete ?? incomplete,
    Suspended: suspended(context),
    ResourcesUnavailable: unavailable(context),
    ...kstatusConditions(context, progress),
  };
}

function failedCondition({ draft }: Context): ConditionState | undefined {
  if (draft.state !== 'Failed' || draft.failure === undefined) return undefined;
  return { status: 'True', ...failedReason(draft.failure) };
}

const failedReason = (failure: Failure): Pick<ConditionState, 'reason' | 'message'> => ({
  reason: failure.reason,
  message: MESSAGE.failed(failure),
});

/**
 * The conditions that kstatus evaluates (cli-utils pkg/kstatus/status/generic.go): a sequence that has not ended is in
 * progress, even while suspended, because dependent resources must not be applied yet.
 */
function kstatusConditions(
  context: Context,
  progress: ConditionState,
): Pick<ConditionStates, 'Reconciling' | 'Stalled'> {
  if (context.draft.state === 'Completed') return {};
  const stalled = failedCondition(context);
  return stalled === undefined ? { Reconciling: { ...progress, status: 'True' } } : { Stalled: stalled };
}

function completionCondition(context: Context): ConditionState {
  return { status: 'True', reason: REASON.completed, message: completionMessage(context) };
}

/** Label of the current step; undefined before the start. */
const currentStepIfStarted = (context: Context): string | undefined =>
  context.draft.startTime === undefined ? undefined : currentStepLabel(context);

function suspended(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Suspended') {
    return { status: 'True', reason: REASON.suspended, message: MESSAGE.suspended(currentStepIfStarted(context)) };
  }
  const message = snapshot.object.spec.suspend === true ? suspendingMessage(context) : undefined;
  if (message !== undefined) return { status: 'False', reason: REASON.suspending, message };
  return { status: 'False', reason: REASON.notSuspended, message: MESSAGE.notSuspended };
}

/** Why a sequence with `spec.suspend` is not suspended yet. */
function suspendingMessage(context: Context): string | undefined {
  if (!isStepRunning(context)) return terminatingMessage(context);
  const job = runningJob(context);
  const at = currentStepIfStarted(context) ?? '';
  const isUndone = job !== undefined && job.suspended === undefined && suspendAgainInMs(job, context.nowMs) > 0;
  if (isUndone) return MESSAGE.suspensionUndone(at, job.metadata.name, job.suspensions?.undoneBy);
  if (job !== undefined && !isOwned(job, context.snapshot)) {
    return MESSAGE.withCause(MESSAGE.suspending(at), MESSAGE.jobNotOwned(job.metadata.name));
  }
  const found = overduePods(context).length > 0 ? obstacle(context) : undefined;
  return found === undefined ? MESSAGE.suspending(at) : MESSAGE.withCause(MESSAGE.suspending(at), found.message);
}

/** What must terminate before the next step can start. */
function terminatingMessage(context: Context): string | undefined {
  if (!isStepPending(context)) return undefined;
  const at = currentStepLabel(context);
  const pods = leftoverPods(context);
  if (pods.length > 0) return MESSAGE.awaitingPods(at, describePods(pods, context.nowMs));
  if (leftoverPodsGraceMs(context) > 0) return MESSAGE.awaitingUnlistedPods(at, graceSeconds(context));
  const jobs = strayJobs(context).map(({ metadata }) => metadata.name);
  return jobs.length > 0 ? MESSAGE.awaitingJobs(at, jobs) : undefined;
}

function unavailable(context: Context): ConditionState {
  const found = mayBeBlocked(context) ? (obstacle(context) ?? previousObstacle(context)) : undefined;
  return found === undefined
    ? { status: 'False', reason: REASON.resourcesAvailable, message: MESSAGE.resourcesAvailable }
    : { status: 'True', reason: found.reason, message: found.message };
}

/**
 * The recorded obstacle if this reconcile could not re-evaluate it: the check for missing objects failed, the Events
 * could not be listed, or the Job is being ended at the deadline and its Pod, which never started, is being deleted.
 */
function previousObstacle(context: Context): Pick<ConditionState, 'reason' | 'message'> | undefined {
  const { draft, snapshot } = context;
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  const isUnconfirmed = snapshot.lastError !== undefined && isStepPending(context) && draft.events.length === 0;
  const isEnding = isStepRunning(context) && runningJob(context)?.deadlineSeconds === 0;
  return (isUnconfirmed || isEnding) && known?.status === 'True' ? known : unconfirmedObstacle(context);
}

/** The recorded obstacle of this step's Job while the request for its Events has no answer. */
function unconfirmedObstacle(context: Context): Obstacle | undefined {
  const { conditions, steps, finally: last = steps } = context.snapshot.object.status ?? {};
  const known = getCondition(conditions, 'ResourcesUnavailable');
  const job = isStepRunning(context) ? runningJob(context) : undefined;
  const isOfJob = job !== undefined && last?.at(-1)?.jobUID === job.metadata.uid;
  if (known?.status !== 'True' || !isOfJob || !isEventLookupPending(context, job)) return undefined;
  const { reason, message } = known;
  return { reason, message, ...(reason === REASON.containerStillRunning ? { isAtEnd: true } : {}) };
}

const isStepPending = ({ draft: { state } }: Context): boolean => state === 'StepPending' || state === 'FinallyPending';

const isStepRunning = ({ draft: { state } }: Context): boolean => state === 'StepRunning' || state === 'FinallyRunning';

/** After the last step nothing is blocked. */
const mayBeBlocked = (context: Context): boolean =>
  currentStepLabel(context) !== undefined && (isStepPending(context) || isStepRunning(context));

/** The step at which a resume continues. */
function resumedStepLabel({ index, step = '', reason }: Failure, { draft, snapshot: { object } }: Context): string {
  if (reason === REASON.finallyFailed) return stepLabel(0, object.spec.finally?.[0]?.name ?? '', true);
  return stepLabel(index ?? draft.steps.length, step);
}

function resumePending(context: Context): ConditionState | undefined {
  const { failure } = context.draft;
  if (failure === undefined || !isResumeBlocked(context)) return undefined;
  const at = resumedStepLabel(failure, context);
  const pods = leftoverPods(context);
  const message =
    pods.length > 0
      ? MESSAGE.resumePending(at, describePods(pods, context.nowMs))
      : MESSAGE.awaitingUnlistedPods(at, graceSeconds(context));
  return { status: 'False', reason: REASON.resumePending, message };
}

/**
 * The Progressing condition. Its message summarizes the state in one sentence: the MESSAGE column of `kubectl get -o
 * wide`.
 */
export function progressing(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Completed') return { ...completionCondition(context), status: 'False' };
  if (draft.state === 'Failed' && draft.failure !== undefined) {
    return resumePending(context) ?? { status: 'False', ...failedReason(draft.failure) };
  }
  if (snapshot.lastError !== undefined) {
    return { status: 'True', reason: REASON.reconciliationError, message: truncateMessage(snapshot.lastError) };
  }
  if (draft.state === 'Suspended') {
    return { status: 'False', reason: REASON.suspended, message: MESSAGE.suspended(currentStepIfStarted(context)) };
  }
  const progress = stepProgress(context);
  if (!isFinishing(draft)) return progress;
  const message = truncateMessage(MESSAGE.finishing(progress.message, outcomeMessage(context)));
  return { ...progress, reason: REASON.finishing, message };
}

/** The Progressing condition of a sequence that runs a step, or is about to. */
function stepProgress(context: Context): ConditionState {
  const { draft, snapshot } = context;
  const found = mayBeBlocked(context) ? (obstacle(context) ?? unconfirmedObstacle(context)) : undefined;
  if (found !== undefined) {
    const status = draft.startTime === undefined ? 'False' : 'True';
    const message = truncateMessage(waitingMessage(found, currentStepLabel(context) ?? ''));
    return { status, reason: REASON.resourcesUnavailable, message };
  }
  const step = runningStep(draft);
  if (step !== undefined && snapshot.object.spec.suspend === true) {
    return { status: 'True', reason: REASON.suspending, message: suspendingMessage(context) ?? '' };
  }
  if (step !== undefined) {
    const { steps, finally: last = [] } = snapshot.object.spec;
    const total = isFinishing(draft) ? last.length : steps.length;
    const message = MESSAGE.running(currentStepLabel(context) ?? '', step.index + 1, total, step.attempts ?? 1);
    return { status: 'True', reason: REASON.jobRunning, message };
  }
  const message = terminatingMessage(context);
  if (message !== undefined) {
    const isSuspending = snapshot.object.spec.suspend === true;
    return { status: 'True', reason: isSuspending ? REASON.suspending : REASON.starting, message };
  }
  const next = nextStep(context);
  const finding = snapshot.findings[nextJobName(context)];
  if (finding?.type === 'nameConflict') {
    const message = MESSAGE.awaitingName(nextJobName(context), finding.owner, finding.pendingRemoval === 'ownerless');
    return { status: 'True', reason: REASON.starting, message };
  }
  const { claims } = snapshot;
  if (claims?.type === 'nameConflict') {
    const message = MESSAGE.awaitingClaim(claims.name, claims.owner, claims.pendingRemoval === 'ownerless');
    return { status: 'True', reason: REASON.starting, message };
  }
  // The steps have ended, and this is recorded before anything else happens.
  if (next === undefined && draft.startTime !== undefined) {
    return { status: 'True', reason: REASON.starting, message: MESSAGE.stepsEnded };
  }
  if (draft.state === 'New' || next === undefined) {
    return { status: 'False', reason: REASON.pending, message: MESSAGE.pending };
  }
  return { status: 'True', reason: REASON.starting, message: MESSAGE.starting(currentStepLabel(context) ?? '') };
}
