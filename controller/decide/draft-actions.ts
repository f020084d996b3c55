/** Adds actions to the draft. */
import { runningJob } from './step-view.ts';
import type { Action, Context, Draft } from './types.ts';

/** Appends the action to the draft. */
export const withAction = (draft: Draft, action: Action): Draft => ({ ...draft, actions: [...draft.actions, action] });

/** Appends an action on the running step's Job; returns the draft unchanged if the cache does not have the Job. */
export const withJobAction = (context: Context, type: 'UnsuspendJob' | 'InspectPods'): Draft => {
  const job = runningJob(context);
  return job === undefined ? context.draft : withAction(context.draft, { type, job });
};
