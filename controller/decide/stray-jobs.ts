/** Jobs of the sequence that no step needs: their create request took effect after the step had another Job. */
import { EVENT, EVENT_MESSAGE } from '../../shared/api/reasons.ts';
import { strayJobs } from './step-view.ts';
import { withAction } from './draft-actions.ts';
import { defineEffects, defineGuards, none, type Row } from './row.ts';

const guards = defineGuards({
  strayJobExists: {
    description: 'an unrecorded Job of the sequence runs, for a step that has another Job',
    holds: (context) => strayJobs(context).some((job) => job.metadata.deletionTimestamp === undefined),
  },
  strayJobTerminating: {
    description: 'such a Job is being deleted; the next Job must not overlap with its Pods',
    holds: (context) => strayJobs(context).length > 0,
  },
});

const effects = defineEffects({
  deleteStrayJobs: {
    description: 'delete the Job and emit StrayJobDeleted, because two containers of a sequence must not run at once',
    apply: (context) => {
      const jobs = strayJobs(context).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const message = EVENT_MESSAGE.strayJobs(jobs.map(({ metadata }) => metadata.name));
      const event = { type: 'Warning', reason: EVENT.strayJobDeleted, message } as const;
      return withAction(context.draft, { type: 'DeleteStrayJobs', jobs, event });
    },
  },
});

export const deleteStrayJobsRows: readonly Row[] = [{ guard: guards.strayJobExists, effect: effects.deleteStrayJobs }];

/** Before the next step starts: two containers of a sequence must not run at once. */
export const awaitStrayJobsRows: readonly Row[] = [{ guard: guards.strayJobTerminating, effect: none }];
