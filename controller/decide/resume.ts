/** `resume`, and a spec change after a rejection: continues a failed sequence. */
import { EVENT, EVENT_MESSAGE, REASON, RETRIED_ON_CHANGE } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { awaitPods } from './create-job.ts';
import { currentStepLabel } from './step-view.ts';
import { emit } from './outcome.ts';
import { isResumeBlocked, isResumeRequested } from './leftover-pods.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';
import type { Context, Draft } from './types.ts';

/** The steps without the one that ended the sequence; ignored failures before it stay, and all of them if only `finally` failed. */
function withoutFailed({ steps, failure }: Draft): readonly StepStatus[] {
  if (failure?.reason === REASON.finallyFailed) return steps;
  const last = steps.at(-1);
  return last?.state === 'Failed' && (failure?.index ?? last.index) === last.index ? steps.slice(0, -1) : steps;
}

function specChanged({ draft, snapshot: { object } }: Context): boolean {
  if (draft.failure === undefined || !RETRIED_ON_CHANGE.has(draft.failure.reason)) return false;
  return (object.metadata.generation ?? 0) > (object.status?.observedGeneration ?? 0);
}

const guards = defineGuards({
  specChangedBeforeStart: {
    description: 'the spec, the first Job or a claim was rejected, and the spec has changed since',
    holds: (context) => specChanged(context) && context.draft.startTime === undefined,
  },
  resumeBlockedByPods: {
    description:
      'spec.resume was raised, and Pods of the failed attempt still run, or may still run if they cannot be listed',
    holds: isResumeBlocked,
  },
  resumeRequested: {
    description: 'spec.resume was raised',
    holds: isResumeRequested,
  },
  specChangedAfterRejection: {
    description: 'a later Job was rejected, and the spec has changed since',
    holds: specChanged,
  },
});

const effects = defineEffects({
  resetBeforeStart: {
    description: 'clear the failure and start again',
    apply: ({ draft, snapshot }) => ({
      ...draft,
      failure: undefined,
      completionTime: undefined,
      startTime: undefined,
      activeStartTime: undefined,
      // The number never decreases: a lower spec.resume is ignored.
      resumes: Math.max(draft.resumes, snapshot.object.spec.resume ?? 0),
      requeueAfterMs: 0,
    }),
  },
  resume: {
    description:
      'record that the failed step starts again, and finally after it, under new Job names; the deadline counts from now',
    apply: (context) => {
      const { draft, snapshot, now } = context;
      const resumed: Draft = {
        ...draft,
        steps: withoutFailed(draft),
        finally: undefined,
        failure: undefined,
        completionTime: undefined,
        activeStartTime: now,
        // Recorded before the Job is created: the number is part of the Job's name, and may be raised again meanwhile.
        resumes: snapshot.object.spec.resume ?? draft.resumes,
        requeueAfterMs: 0,
      };
      const at = currentStepLabel({ ...context, draft: resumed });
      return emit(resumed, { type: 'Normal', reason: EVENT.resumed, message: EVENT_MESSAGE.resumed(at) });
    },
  },
  clearRejection: {
    description: 'clear the failure; steps of finally that have run will run again, under new Job names',
    apply: ({ draft }) => ({
      ...draft,
      finally: undefined,
      failure: undefined,
      completionTime: undefined,
      // Part of the Job names; recorded before a Job is created.
      resumes: draft.finally === undefined ? draft.resumes : draft.resumes + 1,
      requeueAfterMs: 0,
    }),
  },
});

export const resumeRows: readonly Row[] = [
  { guard: guards.specChangedBeforeStart, effect: effects.resetBeforeStart, to: 'New' },
  { guard: guards.resumeBlockedByPods, effect: awaitPods },
  { guard: guards.resumeRequested, effect: effects.resume, to: 'StepPending' },
  { guard: guards.specChangedAfterRejection, effect: effects.clearRejection, to: 'StepPending' },
];
