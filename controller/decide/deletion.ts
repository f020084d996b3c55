/** The deletion of a SequentialJob: the operator deletes its Jobs, then removes the finalizer. */
import { FINALIZER } from '../../shared/api/group.ts';
import { EVENT, EVENT_MESSAGE } from '../../shared/api/reasons.ts';
import { withAction } from './draft-actions.ts';
import { emit } from './outcome.ts';
import { defineEffects, defineGuards, none, otherwise, type Row } from './row.ts';
import type { Context } from './types.ts';

const finalizers = ({ snapshot }: Context): readonly string[] => snapshot.object.metadata.finalizers ?? [];

const guards = defineGuards({
  finalizerRemoved: {
    description: 'the object no longer has our finalizer',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  jobsOrphaned: {
    description: 'the deletion orphans the Jobs: the garbage collector removes their owner references first',
    holds: (context) => finalizers(context).includes('orphan') && context.snapshot.jobs.length > 0,
  },
  jobsExist: {
    description: 'Jobs exist that are not being deleted',
    holds: ({ snapshot }) => snapshot.jobs.some((job) => job.metadata.deletionTimestamp === undefined),
  },
  jobsTerminating: {
    description: 'Jobs are being deleted',
    holds: ({ snapshot }) => snapshot.jobs.length > 0,
  },
});

const effects = defineEffects({
  deleteJobs: {
    description: 'delete the Jobs with foreground propagation: their Pods are deleted first',
    apply: ({ draft, snapshot }) =>
      withAction(draft, {
        type: 'DeleteJobs',
        jobs: snapshot.jobs.filter((job) => job.metadata.deletionTimestamp === undefined),
      }),
  },
  removeFinalizer: {
    description: 'remove the finalizer: the API server then deletes the object',
    apply: ({ draft }) =>
      emit(withAction(draft, { type: 'RemoveFinalizer' }), {
        type: 'Normal',
        reason: EVENT.cleanedUp,
        message: EVENT_MESSAGE.cleanedUp(),
      }),
  },
});

export const deletionRows: readonly Row[] = [
  { guard: guards.finalizerRemoved, effect: none, to: 'Gone', continues: true },
  { guard: guards.jobsOrphaned, effect: none },
  { guard: guards.jobsExist, effect: effects.deleteJobs },
  { guard: guards.jobsTerminating, effect: none },
  { guard: otherwise, effect: effects.removeFinalizer, to: 'Gone', continues: true },
];
