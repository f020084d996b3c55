/** The dry run of the Jobs of all remaining steps. */
import { currentIndex } from './step-view.ts';
import { withAction } from './draft-actions.ts';
import { withoutStartTime } from './without-start-time.ts';
import { failPreflight } from './outcome.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';

const guards = defineGuards({
  preflightRejected: {
    description: "the API server rejects the dry run of a remaining step's Job, or of a claim",
    holds: ({ snapshot }) => snapshot.preflight?.type === 'refused',
  },
  preflightDue: {
    description: 'the Jobs of the remaining steps have not been checked by dry run',
    holds: ({ snapshot }) => snapshot.preflight?.type === 'due',
  },
});

const effects = defineEffects({
  failOnPreflight: {
    description:
      'record JobRejected (ClaimRejected if only claims have errors) with all errors of all steps; wait for a spec change',
    apply: (context) => failPreflight(withoutStartTime(context)),
  },
  preflight: {
    description: 'create the Jobs of all remaining steps and, before the first step, the claims with dryRun=All',
    apply: (context) => {
      const { resumes } = context.draft;
      return withAction(withoutStartTime(context).draft, {
        type: 'Preflight',
        from: currentIndex(context.draft),
        resumes,
      });
    },
  },
});

export const preflightRows: readonly Row[] = [
  { guard: guards.preflightRejected, effect: effects.failOnPreflight, to: 'Ended', continues: true },
  { guard: guards.preflightDue, effect: effects.preflight },
];
