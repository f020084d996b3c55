/** The questions that the machine asks. Each is pure, says one thing, and is named as it reads in the diagram. */
import { FINALIZER } from '../../shared/api/group.ts';
import { isEndedByUs, outcomeOf } from '../../shared/api/job.ts';
import { REASON } from '../../shared/api/reasons.ts';
import { lookedFor } from '../../shared/jobs/dependencies.ts';
import { validateSpec } from '../../shared/validation/index.ts';
import { hasExpired, isOverdue } from './clock.ts';
import {
  currentIndex,
  isPassable,
  isPassed,
  jobBehind,
  madeJob,
  nextContainer,
  nextJobName,
  runningJob,
  runningStep,
  strayJobs,
} from './draft.ts';
import { isUnexplained } from './explain.ts';
import type { Guard } from './guard.ts';
import { LIFE_GUARDS, runningFinding } from './guards-life.ts';
import { isResumed, podsLeft, resumeWaits } from './pods-left.ts';
import { eventQuestion } from './standstill.ts';
import type { Context, Finding } from './types.ts';
import { leftPodsMs } from './unseen-pods.ts';
import { awaited } from './waiting.ts';

function nextFinding(context: Context): Finding | undefined {
  return context.snapshot.findings[nextJobName(context)];
}

function outcome(context: Context): string | undefined {
  const job = runningJob(context);
  return job === undefined ? undefined : outcomeOf(job).type;
}

const finalizers = ({ snapshot }: Context): readonly string[] => snapshot.object.metadata.finalizers ?? [];

const RETRIED_ON_CHANGE: ReadonlySet<string> = new Set([REASON.invalidSpec, REASON.jobRejected]);

function specChanged({ draft, snapshot: { object } }: Context): boolean {
  if (draft.failure === undefined || !RETRIED_ON_CHANGE.has(draft.failure.reason)) return false;
  return (object.metadata.generation ?? 0) > (object.status?.observedGeneration ?? 0);
}

/**
 * Whether the sequence goes on where the running step has failed. A step that was ended because the sequence's time was
 * up is not passed over, unless that has happened already and was not recorded.
 */
function mayFail(context: Context): boolean {
  return (
    isPassable(runningStep(context.draft)?.name, context) &&
    (!isEndedByUs(runningJob(context)) || jobBehind(context) !== undefined)
  );
}

const isLost = (context: Context): boolean =>
  runningJob(context) === undefined && runningFinding(context)?.type === 'absent';

export const GUARDS = {
  ...LIFE_GUARDS,
  namespaceIsOwn: {
    says: "the object is in the operator's own namespace",
    holds: ({ snapshot }) => snapshot.isInOwnNamespace === true,
  },
  specIsInvalid: {
    says: 'the spec breaks a rule that admission would have refused',
    holds: ({ snapshot }) => validateSpec(snapshot.object.spec).length > 0,
  },
  finalizerIsMissing: {
    says: 'the object does not carry our finalizer',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  nothingIsLeft: {
    says: 'every step has been run',
    holds: (context) => nextContainer(context) === undefined,
  },
  nameIsTaken: {
    says: "a Job of somebody else has the step's Job name",
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'foreign' && finding.leaving === undefined;
    },
  },
  nameIsBeingFreed: {
    says: "a Job of somebody else has the step's Job name, and is being deleted or has lost its owner",
    holds: (context) => nextFinding(context)?.type === 'foreign',
  },
  jobIsPostponed: {
    says: 'the API server refuses the Job for now: the quota is full, or the controller lacks a permission',
    holds: (context) => nextFinding(context)?.type === 'postponed',
  },
  jobIsRejected: {
    says: 'the API server refuses the Job for good (403, 422)',
    holds: (context) => nextFinding(context)?.type === 'rejected',
  },
  preflightIsRefused: {
    says: 'asked by dry run, the API server refuses the Job of a step to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'refused',
  },
  preflightIsDue: {
    says: 'the API server has not been asked whether it takes the Jobs of the steps to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'due',
  },
  jobExists: {
    says: 'our Job for this step exists',
    holds: (context) => madeJob(context) !== undefined,
  },
  stepIsPassed: {
    says: 'our Job for a later step exists: that was made when this one was over, though nobody could put it down',
    holds: isPassed,
  },
  stepIsUnderWay: {
    says: 'a step has its Job: it may have ended all the same',
    holds: ({ draft }) => runningStep(draft) !== undefined,
  },
  isStarted: {
    says: 'the sequence has begun',
    holds: ({ draft }) => draft.startTime !== undefined,
  },
  deadlineHasPassed: {
    says: 'the sequence was active for longer than activeDeadlineSeconds',
    holds: isOverdue,
  },
  strayJobRuns: {
    says: 'a Job of ours runs that is not on record, for a step whose Job is another one',
    holds: (context) => strayJobs(context).some((job) => job.metadata.deletionTimestamp === undefined),
  },
  strayJobIsGoing: {
    says: 'such a Job is being deleted: the next one must not overlap with its Pods',
    holds: (context) => strayJobs(context).length > 0,
  },
  podsAreLeft: {
    says: 'Pods of a Job that is over still run, or may, where they cannot be listed: the next one must not overlap with them',
    holds: (context) => podsLeft(context).length > 0 || leftPodsMs(context) > 0,
  },
  dependencyIsMissing: {
    says: 'a Secret, ConfigMap or claim that the step needs does not exist',
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'needs' && awaited(finding.missing, context).length > 0;
    },
  },
  dependenciesAreUnknown: {
    says: 'the step needs some Secrets, ConfigMaps or claims, 50 at most, and nobody has looked yet',
    holds: (context) =>
      nextFinding(context) === undefined && lookedFor(context.snapshot.object, currentIndex(context.draft)).length > 0,
  },
  drainedPodIsUnseen: {
    says: 'the Job says Complete=True and counts a failed Pod that nobody has seen end: it may still run (before 1.29)',
    holds: (context) => {
      const job = runningJob(context);
      if (outcome(context) !== 'succeeded' || (job?.status.failed ?? 0) === 0) return false;
      return runningFinding(context)?.type !== 'inspected' && isUnexplained(context.snapshot.pods ?? [], job);
    },
  },
  jobHasCompleted: {
    says: 'the Job says Complete=True',
    holds: (context) => outcome(context) === 'succeeded',
  },
  jobHasFailed: {
    says: 'the Job says Failed=True',
    holds: (context) => outcome(context) === 'failed',
  },
  failureIsUnexplained: {
    says: 'the Job says Failed=True, and not all of its failed Pods have been seen',
    holds: (context) =>
      outcome(context) === 'failed' &&
      runningFinding(context)?.type !== 'inspected' &&
      isUnexplained(context.snapshot.pods ?? [], runningJob(context)),
  },
  failureIsPassedOver: {
    says: 'the Job says Failed=True, and the step has onFailure: Continue',
    holds: (context) => outcome(context) === 'failed' && mayFail(context),
  },
  lossIsPassedOver: {
    says: 'the API server confirms that the recorded Job does not exist, and the step has onFailure: Continue',
    holds: (context) => isLost(context) && isPassable(runningStep(context.draft)?.name, context),
  },
  lossIsLate: {
    says: 'the recorded Job is gone, and our Job of the step behind it exists: that was made when this one had completed',
    holds: (context) =>
      isLost(context) && !isPassable(runningStep(context.draft)?.name, context) && jobBehind(context) !== undefined,
  },
  jobIsGone: {
    says: 'the API server confirms that the recorded Job does not exist',
    holds: isLost,
  },
  jobIsOutOfSight: {
    says: 'the cache does not have the recorded Job',
    holds: (context) => runningJob(context) === undefined,
  },
  eventsAreDue: {
    says: 'the step stands still, and only the Events about its Job or Pod say why',
    holds: (context) => (eventQuestion(context, runningJob(context))?.dueMs ?? Infinity) <= context.nowMs,
  },
  jobIsUnwatched: {
    says: 'somebody took our labels or our owner reference off the Job: the watch does not show it',
    holds: (context) => runningFinding(context)?.type === 'unwatched',
  },
  specChangedBeforeStart: {
    says: 'the spec or the first Job was refused, and the spec has changed since',
    holds: (context) => specChanged(context) && context.draft.startTime === undefined,
  },
  specChangedAfterRefusal: {
    says: 'a later Job was refused, and the spec has changed since',
    holds: specChanged,
  },
  resumeMustWait: {
    says: 'spec.resume was raised, and Pods of the failed attempt still run, or may, where they cannot be listed',
    holds: resumeWaits,
  },
  resumeIsAsked: {
    says: 'spec.resume was raised',
    holds: isResumed,
  },
  timeToLiveIsOver: {
    says: 'the sequence ended ttlSecondsAfterFinished ago',
    holds: hasExpired,
  },
  finalizerIsOff: {
    says: 'our finalizer is off: nothing holds the object',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  jobsAreOrphaned: {
    says: 'the deletion asks to orphan the Jobs: the garbage collector lets go of them first',
    holds: (context) => finalizers(context).includes('orphan') && context.snapshot.jobs.length > 0,
  },
  jobsAreLeft: {
    says: 'Jobs are left that nobody has deleted yet',
    holds: ({ snapshot }) => snapshot.jobs.some((job) => job.metadata.deletionTimestamp === undefined),
  },
  jobsAreGoing: {
    says: 'Jobs are being deleted',
    holds: ({ snapshot }) => snapshot.jobs.length > 0,
  },
  otherwise: { says: 'none of the above', holds: () => true },
} as const satisfies Readonly<Record<string, Guard>>;

export type GuardName = keyof typeof GUARDS;
