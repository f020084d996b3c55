/** What the conditions say of the draft. Pure. */
import { type ConditionState, type ConditionStates, getCondition } from '../../shared/conditions.ts';
import type { Obstacle } from '../../shared/api/pod.ts';
import { type Failure, MESSAGE, REASON, stepLabel } from '../../shared/api/reasons.ts';
import {
  currentIndex,
  currentStepLabel,
  isOwned,
  nextContainer,
  nextJobName,
  runningJob,
  runningStep,
  strayJobs,
} from './step-view.ts';
import { lostPods, podNames, leftoverPods, isResumeBlocked } from './pods-left.ts';
import { truncateMessage } from './size.ts';
import { completionMessage } from './summary.ts';
import { isEventLookupPending } from './standstill.ts';
import { suspendAgainInMs } from './suspension.ts';
import type { Context } from './types.ts';
import { graceSeconds, unlistedPodsMs } from './unseen-pods.ts';
import { obstacle, waitingMessage } from './waiting.ts';

/** What each condition says of the draft. */
export function conditionStates(context: Context): ConditionStates {
  const { draft } = context;
  const done = draft.state === 'Completed';
  const over = done ? completionCondition(context) : undefined;
  const open = { status: 'False', reason: REASON.notCompleted, message: MESSAGE.notCompleted } as const;
  const progress = progressing(context);
  const failed = failedCondition(context);
  return {
    Available: over ?? open,
    Progressing: progress,
    Failed: failed ?? { status: 'False', reason: REASON.notFailed, message: MESSAGE.notFailed },
    Complete: over ?? open,
    Suspended: suspended(context),
    ResourcesUnavailable: unavailable(context),
    ...kstatusConditions(context, progress),
  };
}

function failedCondition({ draft }: Context): ConditionState | undefined {
  return draft.failure === undefined ? undefined : { status: 'True', ...failedReason(draft.failure) };
}

const failedReason = (failure: Failure): Pick<ConditionState, 'reason' | 'message'> => ({
  reason: failure.reason,
  message: MESSAGE.failed(failure),
});

/**
 * What kstatus waits by (cli-utils pkg/kstatus/status/generic.go): a sequence that has not ended is in progress, also one
 * that is suspended, because what depends on it must not go on.
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

/** Where the sequence stands, for people; undefined before it has started. */
const currentStepIfStarted = (context: Context): string | undefined =>
  context.draft.startTime === undefined ? undefined : currentStepLabel(context);

function suspended(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Suspended') {
    return { status: 'True', reason: REASON.suspended, message: MESSAGE.suspended(currentStepIfStarted(context)) };
  }
  const why = snapshot.object.spec.suspend === true ? suspendingMessage(context) : undefined;
  if (why !== undefined) return { status: 'False', reason: REASON.suspending, message: why };
  return { status: 'False', reason: REASON.notSuspended, message: MESSAGE.notSuspended };
}

/** What still runs of a sequence that is to be suspended. */
function suspendingMessage(context: Context): string | undefined {
  if (context.draft.state !== 'StepRunning') return terminatingMessage(context);
  const job = runningJob(context);
  const at = currentStepIfStarted(context) ?? '';
  const isUndone = job !== undefined && job.suspended === undefined && suspendAgainInMs(job, context.nowMs) > 0;
  if (isUndone) return MESSAGE.suspensionUndone(at, job.metadata.name, job.suspensions?.undoneBy);
  if (job !== undefined && !isOwned(job, context.snapshot)) {
    return MESSAGE.failedWhileBlocked(MESSAGE.suspending(at), MESSAGE.jobNotOwned(job.metadata.name));
  }
  const held = lostPods(context).length > 0 ? obstacle(context) : undefined;
  return held === undefined ? MESSAGE.suspending(at) : MESSAGE.failedWhileBlocked(MESSAGE.suspending(at), held.message);
}

/** What is to end before the next step can start. */
function terminatingMessage(context: Context): string | undefined {
  if (context.draft.state !== 'StepPending') return undefined;
  const at = currentStepLabel(context) ?? '';
  const pods = leftoverPods(context);
  if (pods.length > 0) return MESSAGE.awaitingPods(at, podNames(pods, context.nowMs));
  if (unlistedPodsMs(context) > 0) return MESSAGE.awaitingUnlistedPods(at, graceSeconds(context));
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
 * What is on record and not settled by what is seen now: while looking again for what was missing there was trouble, the
 * question what keeps the Pod from starting was not answered, or the Job is being ended because the time is up, and its Pod goes, which never started.
 */
function previousObstacle(context: Context): Pick<ConditionState, 'reason' | 'message'> | undefined {
  const { draft, snapshot } = context;
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  const isOpen = snapshot.lastError !== undefined && draft.state === 'StepPending' && draft.events.length === 0;
  const isEnding = draft.state === 'StepRunning' && runningJob(context)?.deadlineSeconds === 0;
  return (isOpen || isEnding) && known?.status === 'True' ? known : unconfirmedObstacle(context);
}

/** What is on record of this step's Job while the question whether that is still so has no answer. */
function unconfirmedObstacle(context: Context): Obstacle | undefined {
  const { conditions, steps } = context.snapshot.object.status ?? {};
  const known = getCondition(conditions, 'ResourcesUnavailable');
  const job = context.draft.state === 'StepRunning' ? runningJob(context) : undefined;
  const isOfJob = job !== undefined && steps?.at(-1)?.jobUID === job.metadata.uid;
  if (known?.status !== 'True' || !isOfJob || !isEventLookupPending(context, job)) return undefined;
  const { reason, message } = known;
  return { reason, message, ...(reason === REASON.containerStillRunning ? { isAtEnd: true } : {}) };
}

const mayBeBlocked = ({ draft: { state } }: Context): boolean => state === 'StepPending' || state === 'StepRunning';

function resumePending(context: Context): ConditionState | undefined {
  const { failure } = context.draft;
  if (failure === undefined || !isResumeBlocked(context)) return undefined;
  const at = stepLabel(failure.index ?? currentIndex(context.draft), failure.step ?? '');
  const pods = leftoverPods(context);
  const message =
    pods.length > 0
      ? MESSAGE.resumePending(at, podNames(pods, context.nowMs))
      : MESSAGE.awaitingUnlistedPods(at, graceSeconds(context));
  return { status: 'False', reason: REASON.resumePending, message };
}

/** Its message is the one sentence that says how things stand: the MESSAGE column of `kubectl get -o wide`. */
export function progressing(context: Context): ConditionState {
  const { draft, snapshot } = context;
  if (draft.state === 'Completed') return { ...completionCondition(context), status: 'False' };
  if (draft.failure !== undefined) {
    return resumePending(context) ?? { status: 'False', ...failedReason(draft.failure) };
  }
  if (snapshot.lastError !== undefined) {
    return { status: 'True', reason: REASON.reconciliationError, message: truncateMessage(snapshot.lastError) };
  }
  if (draft.state === 'Suspended') {
    return { status: 'False', reason: REASON.suspended, message: MESSAGE.suspended(currentStepIfStarted(context)) };
  }
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
    const { index, name, attempts = 1 } = step;
    const message = MESSAGE.running(index, name, snapshot.object.spec.containers.length, attempts);
    return { status: 'True', reason: REASON.jobRunning, message };
  }
  const message = terminatingMessage(context);
  if (message !== undefined) {
    const isSuspending = snapshot.object.spec.suspend === true;
    return { status: 'True', reason: isSuspending ? REASON.suspending : REASON.starting, message };
  }
  const next = nextContainer(context);
  const finding = snapshot.findings[nextJobName(context)];
  if (finding?.type === 'nameConflict') {
    const message = MESSAGE.awaitingJobNameRelease(
      nextJobName(context),
      finding.owner,
      finding.leaving === 'ownerless',
    );
    return { status: 'True', reason: REASON.starting, message };
  }
  if (draft.state === 'New' || next === undefined) {
    return { status: 'False', reason: REASON.pending, message: MESSAGE.pending };
  }
  return { status: 'True', reason: REASON.starting, message: MESSAGE.starting(currentIndex(draft), next.name) };
}
