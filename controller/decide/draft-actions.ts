/** Adds actions to the draft. */
import { runningJob } from './step-view.ts';
import type { Action, Context, Draft } from './types.ts';

/** The draft with this action behind those it has. */
export const act = (draft: Draft, action: Action): Draft => ({ ...draft, actions: [...draft.actions, action] });

/** The draft with an action on the running step's Job; as it is, where that is out of sight. */
export const actOnJob = (context: Context, type: 'UnsuspendJob' | 'InspectPods'): Draft => {
  const job = runningJob(context);
  return job === undefined ? context.draft : act(context.draft, { type, job });
};
