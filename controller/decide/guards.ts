/** The questions that the machine asks. Each is pure, says one thing, and is named as it reads in the diagram. */
import { FINALIZER } from '../../shared/api/group.ts';
import { endedByOperator, outcomeOf } from '../../shared/api/job.ts';
import { REASON } from '../../shared/api/reasons.ts';
import { dependenciesToCheck } from '../../shared/jobs/dependencies.ts';
import { validateSpec } from '../../shared/validation/index.ts';
import { hasExpired, isOverdue } from './clock.ts';
import {
  currentIndex,
  mayContinueAfterFailure,
  laterStepHasJob,
  nextStepJob,
  unrecordedJob,
  nextContainer,
  nextJobName,
  runningJob,
  runningStep,
  strayJobs,
} from './draft.ts';
import { hasUnseenFailedPods } from './explain.ts';
import type { Guard } from './guard.ts';
import { LIFE_GUARDS, runningFinding } from './guards-life.ts';
import { isResumeRequested, leftoverPods, isResumeBlocked } from './pods-left.ts';
import { eventQuestion } from './standstill.ts';
import type { Context, Finding } from './types.ts';
import { unlistedPodsMs } from './unseen-pods.ts';
import { blockingDependencies } from './waiting.ts';

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
function failureMayBeIgnored(context: Context): boolean {
  return (
    mayContinueAfterFailure(runningStep(context.draft)?.name, context) &&
    (!endedByOperator(runningJob(context)) || nextStepJob(context) !== undefined)
  );
}

const isConfirmedDeleted = (context: Context): boolean =>
  runningJob(context) === undefined && runningFinding(context)?.type === 'notFound';

export const GUARDS = {
  ...LIFE_GUARDS,
  namespaceIsOperators: {
    description: "the object is in the operator's own namespace",
    holds: ({ snapshot }) => snapshot.isInOwnNamespace === true,
  },
  specIsInvalid: {
    description: 'the spec breaks a rule that admission would have refused',
    holds: ({ snapshot }) => validateSpec(snapshot.object.spec).length > 0,
  },
  finalizerMissing: {
    description: 'the object does not carry our finalizer',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  allStepsDone: {
    description: 'every step has been run',
    holds: (context) => nextContainer(context) === undefined,
  },
  jobNameConflicts: {
    description: "a Job of somebody else has the step's Job name",
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'nameConflict' && finding.leaving === undefined;
    },
  },
  conflictingJobTerminating: {
    description: "a Job of somebody else has the step's Job name, and is being deleted or has lost its owner",
    holds: (context) => nextFinding(context)?.type === 'nameConflict',
  },
  jobCreationPostponed: {
    description: 'the API server refuses the Job for now: the quota is full, or the controller lacks a permission',
    holds: (context) => nextFinding(context)?.type === 'postponed',
  },
  jobRejected: {
    description: 'the API server refuses the Job for good (403, 422)',
    holds: (context) => nextFinding(context)?.type === 'rejected',
  },
  preflightRejected: {
    description: 'asked by dry run, the API server refuses the Job of a step to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'refused',
  },
  preflightDue: {
    description: 'the API server has not been asked whether it takes the Jobs of the steps to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'due',
  },
  jobExists: {
    description: 'our Job for this step exists',
    holds: (context) => unrecordedJob(context) !== undefined,
  },
  laterStepHasJob: {
    description:
      'our Job for a later step exists: that was made when this one was over, though nobody could put it down',
    holds: laterStepHasJob,
  },
  stepHasJob: {
    description: 'a step has its Job: it may have ended all the same',
    holds: ({ draft }) => runningStep(draft) !== undefined,
  },
  sequenceStarted: {
    description: 'the sequence has begun',
    holds: ({ draft }) => draft.startTime !== undefined,
  },
  deadlineExceeded: {
    description: 'the sequence was active for longer than activeDeadlineSeconds',
    holds: isOverdue,
  },
  strayJobExists: {
    description: 'a Job of ours runs that is not on record, for a step whose Job is another one',
    holds: (context) => strayJobs(context).some((job) => job.metadata.deletionTimestamp === undefined),
  },
  strayJobTerminating: {
    description: 'such a Job is being deleted: the next one must not overlap with its Pods',
    holds: (context) => strayJobs(context).length > 0,
  },
  previousPodsRunning: {
    description:
      'Pods of a Job that is over still run, or may, where they cannot be listed: the next one must not overlap with them',
    holds: (context) => leftoverPods(context).length > 0 || unlistedPodsMs(context) > 0,
  },
  dependencyMissing: {
    description: 'a Secret, ConfigMap or claim that the step needs does not exist',
    holds: (context) => {
      const finding = nextFinding(context);
      return finding?.type === 'dependencies' && blockingDependencies(finding.missing, context).length > 0;
    },
  },
  dependenciesNotChecked: {
    description: 'the step needs some Secrets, ConfigMaps or claims, 50 at most, and nobody has looked yet',
    holds: (context) =>
      nextFinding(context) === undefined &&
      dependenciesToCheck(context.snapshot.object, currentIndex(context.draft)).length > 0,
  },
  failedPodNotSeen: {
    description:
      'the Job says Complete=True and counts a failed Pod that nobody has seen end: it may still run (before 1.29)',
    holds: (context) => {
      const job = runningJob(context);
      if (outcome(context) !== 'succeeded' || (job?.status.failed ?? 0) === 0) return false;
      return runningFinding(context)?.type !== 'inspected' && hasUnseenFailedPods(context.snapshot.pods ?? [], job);
    },
  },
  jobComplete: {
    description: 'the Job says Complete=True',
    holds: (context) => outcome(context) === 'succeeded',
  },
  jobFailed: {
    description: 'the Job says Failed=True',
    holds: (context) => outcome(context) === 'failed',
  },
  failedPodsNotSeen: {
    description: 'the Job says Failed=True, and not all of its failed Pods have been seen',
    holds: (context) =>
      outcome(context) === 'failed' &&
      runningFinding(context)?.type !== 'inspected' &&
      hasUnseenFailedPods(context.snapshot.pods ?? [], runningJob(context)),
  },
  failureIgnored: {
    description: 'the Job says Failed=True, and the step has onFailure: Continue',
    holds: (context) => outcome(context) === 'failed' && failureMayBeIgnored(context),
  },
  deletionIgnored: {
    description: 'the API server confirms that the recorded Job does not exist, and the step has onFailure: Continue',
    holds: (context) =>
      isConfirmedDeleted(context) && mayContinueAfterFailure(runningStep(context.draft)?.name, context),
  },
  nextJobExists: {
    description:
      'the recorded Job is gone, and our Job of the step behind it exists: that was made when this one had completed',
    holds: (context) =>
      isConfirmedDeleted(context) &&
      !mayContinueAfterFailure(runningStep(context.draft)?.name, context) &&
      nextStepJob(context) !== undefined,
  },
  jobDeleted: {
    description: 'the API server confirms that the recorded Job does not exist',
    holds: isConfirmedDeleted,
  },
  jobNotCached: {
    description: 'the cache does not have the recorded Job',
    holds: (context) => runningJob(context) === undefined,
  },
  eventsDue: {
    description: 'the step stands still, and only the Events about its Job or Pod say why',
    holds: (context) => (eventQuestion(context, runningJob(context))?.dueMs ?? Infinity) <= context.nowMs,
  },
  jobLabelsRemoved: {
    description: 'somebody took our labels or our owner reference off the Job: the watch does not show it',
    holds: (context) => runningFinding(context)?.type === 'labelsRemoved',
  },
  specChangedBeforeStart: {
    description: 'the spec or the first Job was refused, and the spec has changed since',
    holds: (context) => specChanged(context) && context.draft.startTime === undefined,
  },
  specChangedAfterRejection: {
    description: 'a later Job was refused, and the spec has changed since',
    holds: specChanged,
  },
  resumeBlockedByPods: {
    description:
      'spec.resume was raised, and Pods of the failed attempt still run, or may, where they cannot be listed',
    holds: isResumeBlocked,
  },
  resumeRequested: {
    description: 'spec.resume was raised',
    holds: isResumeRequested,
  },
  ttlExpired: {
    description: 'the sequence ended ttlSecondsAfterFinished ago',
    holds: hasExpired,
  },
  finalizerRemoved: {
    description: 'our finalizer is off: nothing holds the object',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  jobsOrphaned: {
    description: 'the deletion asks to orphan the Jobs: the garbage collector lets go of them first',
    holds: (context) => finalizers(context).includes('orphan') && context.snapshot.jobs.length > 0,
  },
  jobsExist: {
    description: 'Jobs are left that nobody has deleted yet',
    holds: ({ snapshot }) => snapshot.jobs.some((job) => job.metadata.deletionTimestamp === undefined),
  },
  jobsTerminating: {
    description: 'Jobs are being deleted',
    holds: ({ snapshot }) => snapshot.jobs.length > 0,
  },
  otherwise: { description: 'none of the above', holds: () => true },
} as const satisfies Readonly<Record<string, Guard>>;

export type GuardName = keyof typeof GUARDS;
