/** The effects of what people and the clock bring: suspension, resume, deadline, time to live. */
import { EVENT, EVENT_MESSAGE, MESSAGE } from '../../shared/api/reasons.ts';
import type { StepStatus } from '../../shared/api/types.ts';
import { shiftDeadlineBySuspension } from './clock.ts';
import { currentStepLabel, runningJob } from './draft.ts';
import { act, actOnJob, type Effect } from './effect.ts';
import { emit } from './outcome.ts';
import { nextSuspension, suspendAgainInMs, suspensionUndone } from './suspension.ts';
import type { Draft } from './types.ts';

/** The steps without the one that ended the sequence: a failure that was passed over before it stays. */
function withoutFailed({ steps, failure }: Draft): readonly StepStatus[] {
  const last = steps.at(-1);
  return last?.state === 'Failed' && (failure?.index ?? last.index) === last.index ? steps.slice(0, -1) : steps;
}

export const LIFE_EFFECTS = {
  terminateJob: {
    description: 'give the Job a time limit of 0 s: the Job controller ends it, and it stays as evidence',
    apply: (context) => {
      const job = runningJob(context);
      const seconds = context.snapshot.object.spec.activeDeadlineSeconds ?? 0;
      return job === undefined ? context.draft : act(context.draft, { type: 'TerminateJob', job, seconds });
    },
  },
  suspendJob: {
    description: 'suspend the Job: the Job controller deletes its Pods',
    apply: (context) => {
      const job = runningJob(context);
      if (job === undefined) return context.draft;
      const event = suspensionUndone(job, currentStepLabel(context) ?? '');
      const count = nextSuspension(job, context.nowMs);
      return act(context.draft, { type: 'SuspendJob', job, count, ...(event === undefined ? {} : { event }) });
    },
  },
  awaitSuspension: {
    description: 'suspend it again in 30 s, later in up to 5 min',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      return job === undefined ? draft : { ...draft, requeueAfterMs: suspendAgainInMs(job, nowMs) };
    },
  },
  unsuspendJob: {
    description: 'let the Job go on: the step starts afresh',
    apply: (context) => actOnJob(context, 'UnsuspendJob'),
  },
  suspend: {
    description: 'record Suspended; start nothing',
    apply: (context) => {
      const { draft, now } = context;
      if (draft.suspendedSince !== undefined) return draft;
      const message = MESSAGE.suspended(draft.startTime === undefined ? undefined : currentStepLabel(context));
      return emit({ ...draft, suspendedSince: now }, { type: 'Normal', reason: EVENT.suspended, message });
    },
  },
  unsuspend: {
    description: 'take the time spent suspended out of the deadline',
    apply: (context) => {
      const { draft } = context;
      const going = shiftDeadlineBySuspension(context);
      const message = EVENT_MESSAGE.unsuspended(draft.startTime === undefined ? undefined : currentStepLabel(context));
      return emit(going, { type: 'Normal', reason: EVENT.resumed, message });
    },
  },
  resume: {
    description: 'put down that the failed step begins anew, under a new Job name; the deadline counts from now',
    apply: (context) => {
      const { draft, snapshot, now } = context;
      const resumed: Draft = {
        ...draft,
        steps: withoutFailed(draft),
        failure: undefined,
        completionTime: undefined,
        activeStartTime: now,
        // On record before its Job is made: the number is part of the name, and may be raised again meanwhile.
        resumes: snapshot.object.spec.resume ?? draft.resumes,
        requeueAfterMs: 0,
      };
      const at = currentStepLabel({ ...context, draft: resumed }) ?? '';
      return emit(resumed, { type: 'Normal', reason: EVENT.resumed, message: EVENT_MESSAGE.resumed(at) });
    },
  },
  deleteSequence: {
    description: 'delete the SequentialJob, and with it its Jobs',
    apply: ({ draft }) => act(draft, { type: 'DeleteSequence' }),
  },
} as const satisfies Readonly<Record<string, Effect>>;
