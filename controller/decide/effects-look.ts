/** The effects that only look: what no watch shows, or does not show for certain. */
import { dependenciesToCheck } from '../../shared/jobs/dependencies.ts';
import { currentIndex, nextJobName, runningJob, runningStep } from './draft.ts';
import { act, actOnJob, type Effect } from './effect.ts';
import { withoutStart } from './not-started.ts';
import { nextLostPodMs } from './pods-left.ts';
import { eventQuestion, unseenPodMs } from './standstill.ts';

export const LOOK_EFFECTS = {
  checkDependencies: {
    description: 'ask the API server which of them exist',
    apply: (context) => {
      const dependencies = dependenciesToCheck(context.snapshot.object, currentIndex(context.draft));
      return act(withoutStart(context).draft, {
        type: 'CheckDependencies',
        jobName: nextJobName(context),
        dependencies,
      });
    },
  },
  inspectPods: {
    description: 'ask the API server for the Pods of the Job',
    apply: (context) => actOnJob(context, 'InspectPods'),
  },
  inspectEvents: {
    description: 'ask the API server for these Events',
    apply: (context) => {
      const job = runningJob(context);
      const subject = eventQuestion(context, job)?.subject;
      if (job === undefined || subject === undefined) return context.draft;
      return act(context.draft, { type: 'InspectEvents', job, subject });
    },
  },
  confirmJob: {
    description: 'ask the API server for the Job',
    apply: ({ draft }) => {
      const step = runningStep(draft);
      return act(draft, { type: 'ConfirmJob', jobName: step?.jobName ?? '', jobUID: step?.jobUID ?? '' });
    },
  },
  awaitProgress: {
    description: 'where it stands still, look again',
    apply: (context) => {
      const { draft, nowMs } = context;
      const job = runningJob(context);
      const unseen = job === undefined ? undefined : unseenPodMs(context, job);
      const due = [eventQuestion(context, job)?.dueMs, nextLostPodMs(context), unseen].filter((ms) => ms !== undefined);
      return due.length === 0 ? draft : { ...draft, requeueAfterMs: Math.max(0, Math.min(...due) - nowMs) };
    },
  },
} as const satisfies Readonly<Record<string, Effect>>;
