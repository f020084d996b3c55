/** The questions that the machine asks. Each is pure, says one thing, and is named as it reads in the diagram. */
import { FINALIZER } from '../../shared/api/group.ts';
import { outcomeOf } from '../../shared/api/job.ts';
import { REASON } from '../../shared/api/reasons.ts';
import { validateSpec } from '../../shared/validation/index.ts';
import { currentIndex, madeJob, nextContainer, nextJobName, runningJob, runningStep } from './draft.ts';
import type { Context, Finding } from './types.ts';

export interface Guard {
  readonly says: string;
  readonly holds: (context: Context) => boolean;
}

function nextFinding(context: Context): Finding | undefined {
  return context.snapshot.findings[nextJobName(context)];
}

function runningFinding({ draft, snapshot }: Context): Finding | undefined {
  const name = runningStep(draft)?.jobName;
  return name === undefined ? undefined : snapshot.findings[name];
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

export const GUARDS = {
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
      return finding?.type === 'foreign' && !finding.deleting;
    },
  },
  nameIsBeingFreed: {
    says: "a Job of somebody else has the step's Job name and is being deleted",
    holds: (context) => nextFinding(context)?.type === 'foreign',
  },
  jobIsRejected: {
    says: 'the API server refuses the Job for good (403, 422)',
    holds: (context) => nextFinding(context)?.type === 'rejected',
  },
  jobExists: {
    says: 'our Job for this step exists',
    holds: (context) => madeJob(context) !== undefined,
  },
  jobHasCompleted: {
    says: 'the Job says Complete=True',
    holds: (context) => outcome(context) === 'succeeded',
  },
  jobHasFailed: {
    says: 'the Job says Failed=True',
    holds: (context) => outcome(context) === 'failed',
  },
  jobIsGone: {
    says: 'the API server confirms that the recorded Job does not exist',
    holds: (context) => runningJob(context) === undefined && runningFinding(context)?.type === 'absent',
  },
  jobIsOutOfSight: {
    says: 'the cache does not have the recorded Job',
    holds: (context) => runningJob(context) === undefined,
  },
  jobIsUnwatched: {
    says: 'somebody took our labels off the Job: the watch does not show it',
    holds: (context) => runningFinding(context)?.type === 'unwatched',
  },
  specChangedBeforeStart: {
    says: 'the spec or the first Job was refused, and the spec has changed since',
    holds: (context) => specChanged(context) && currentIndex(context.draft) === 0,
  },
  specChangedAfterRefusal: {
    says: 'a later Job was refused, and the spec has changed since',
    holds: specChanged,
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
