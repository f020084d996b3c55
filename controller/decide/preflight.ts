/** The dry run of the Jobs of all steps to come. */
import { currentIndex } from './step-view.ts';
import { act } from './draft-actions.ts';
import { withoutStart } from './not-started.ts';
import { failPreflight } from './outcome.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';

const guards = defineGuards({
  preflightRejected: {
    description: 'asked by dry run, the API server refuses the Job of a step to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'refused',
  },
  preflightDue: {
    description: 'the API server has not been asked whether it takes the Jobs of the steps to come',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'due',
  },
});

const effects = defineEffects({
  failOnPreflight: {
    description: 'record JobRejected with every fault of every step; wait for another spec',
    apply: (context) => failPreflight(withoutStart(context)),
  },
  preflight: {
    description: 'ask the API server by dry run for the Jobs of all steps to come',
    apply: (context) => {
      const { resumes } = context.draft;
      return act(withoutStart(context).draft, { type: 'Preflight', from: currentIndex(context.draft), resumes });
    },
  },
});

export const preflightRows: readonly Row[] = [
  { guard: guards.preflightRejected, effect: effects.failOnPreflight, to: 'Failed' },
  { guard: guards.preflightDue, effect: effects.preflight },
];
