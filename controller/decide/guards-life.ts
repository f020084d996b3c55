/** The guards of what people and the clock bring: suspension, and a deadline while a step runs. */
import type { ObservedJob } from '../../shared/api/job.ts';
import { isAbandoned, isOverdue } from './clock.ts';
import { isOwned, ownedJob, runningJob, runningStep } from './draft.ts';
import type { Guard } from './guard.ts';
import { containersRun, hasPodsRunning, lostPods } from './pods-left.ts';
import { suspendAgainInMs } from './suspension.ts';
import type { Context, Finding } from './types.ts';
import { suspendedPodsMs } from './unseen-pods.ts';

/** What was found out about the running step's Job. */
export function runningFinding({ draft, snapshot }: Context): Finding | undefined {
  const name = runningStep(draft)?.jobName;
  return name === undefined ? undefined : snapshot.findings[name];
}

/** Whether the sequence is to stand still. */
export const isSuspended = ({ snapshot }: Context): boolean => snapshot.object.spec.suspend === true;

/** The Job of the running step, where it can be suspended and is not. */
function jobToSuspend(context: Context): ObservedJob | undefined {
  // A Job that is suspended is not ended by its time limit: the deadline comes first.
  if (!isSuspended(context) || isOverdue(context)) return undefined;
  const job = ownedJob(context);
  return job?.suspended === undefined && job?.metadata.deletionTimestamp === undefined ? job : undefined;
}

/** Whether the time is up, and the Job is not ours to end. */
function isDeadlineOfUnownedJob(context: Context): boolean {
  const job = runningJob(context);
  return job !== undefined && isOverdue(context) && !isOwned(job, context.snapshot);
}

/** Whether the Job was ended because the time is up, and cannot end. */
const isWaitingForLostPod = (context: Context): boolean =>
  isOverdue(context) && runningJob(context)?.deadlineSeconds === 0 && lostPods(context).length > 0;

export const LIFE_GUARDS = {
  isSuspended: {
    description: 'spec.suspend is true',
    holds: isSuspended,
  },
  unsuspendedBeforeStart: {
    description: 'spec.suspend is false again, and nothing has begun',
    holds: (context) => !isSuspended(context) && context.draft.startTime === undefined,
  },
  unsuspendedDuringStep: {
    description: "spec.suspend is false again, and a step's Job stands still",
    holds: (context) => !isSuspended(context) && runningStep(context.draft) !== undefined,
  },
  unsuspended: {
    description: 'spec.suspend is false again',
    holds: (context) => !isSuspended(context),
  },
  jobShouldSuspend: {
    description: 'spec.suspend is true, and the Job can be suspended and is not',
    holds: (context) => {
      const job = jobToSuspend(context);
      if (job === undefined || runningFinding(context)?.type === 'suspendUnsupported') return false;
      return suspendAgainInMs(job, context.nowMs) === 0;
    },
  },
  suspensionUndone: {
    description: 'spec.suspend is true, and somebody else lets the Job go on again and again',
    holds: (context) => {
      const job = jobToSuspend(context);
      return job !== undefined && suspendAgainInMs(job, context.nowMs) > 0;
    },
  },
  podsTerminating: {
    description:
      'spec.suspend is false, and Pods of the suspended Job, or of a deleted one, have not ended yet: its next one must not overlap with them',
    holds: (context) =>
      !isSuspended(context) &&
      ownedJob(context)?.suspended?.byOperator === true &&
      (containersRun(context) || suspendedPodsMs(context) > 0),
  },
  suspendedPodsNotSeen: {
    description:
      'the suspended Job does not count Pods that are being deleted (before 1.29), and nobody has asked for them',
    holds: (context) => {
      const job = runningJob(context);
      const isOurs = isSuspended(context) || job?.suspended?.byOperator === true;
      if (!isOurs || job?.suspended === undefined || job.status.terminating !== undefined) return false;
      if (context.draft.suspendedSince !== undefined || hasPodsRunning(context)) return false;
      return runningFinding(context)?.type !== 'inspected';
    },
  },
  jobShouldUnsuspend: {
    description: 'spec.suspend is false, and the Job is suspended by us',
    holds: (context) => !isSuspended(context) && ownedJob(context)?.suspended?.byOperator === true,
  },
  deadlinePassed: {
    description: 'the sequence was active for longer than activeDeadlineSeconds, and the Job does not know it',
    holds: (context) => {
      const job = ownedJob(context);
      const standsStill = isSuspended(context) && job?.suspended?.byOperator === true && lostPods(context).length === 0;
      return job !== undefined && isOverdue(context) && !standsStill && job.deadlineSeconds !== 0;
    },
  },
  lostPodNotConfirmed: {
    description:
      'the time is up, the Job waits for a Pod that should have ended long ago, and nobody has asked whether it is still there',
    holds: (context) => {
      const job = runningJob(context);
      const isHeldByUs = isSuspended(context) && job?.suspended?.byOperator === true;
      const seemsLost =
        isOverdue(context) && (isHeldByUs || job?.deadlineSeconds === 0) && lostPods(context).length > 0;
      return seemsLost && runningFinding(context)?.type !== 'inspected';
    },
  },
  jobCannotEnd: {
    description:
      'the time is up, and the Job does not end: somebody else suspended it, runs it (managedBy) or took it from the sequence, or the node of its Pod is lost',
    holds: (context) => {
      const job = runningJob(context);
      const isHeld = job?.suspended?.byOperator === false && (job.status.active ?? 0) === 0;
      return (
        (isHeld && isOverdue(context)) ||
        isDeadlineOfUnownedJob(context) ||
        isWaitingForLostPod(context) ||
        isAbandoned(context)
      );
    },
  },
  stepSuspended: {
    description: 'spec.suspend is true, and no Pod of the suspended Job runs any more, not even in its grace period',
    holds: (context) => isSuspended(context) && runningJob(context)?.suspended !== undefined && !containersRun(context),
  },
} as const satisfies Readonly<Record<string, Guard>>;
