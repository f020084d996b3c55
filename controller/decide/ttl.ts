/** `ttlSecondsAfterFinished`. */
import { hasExpired } from './timers.ts';
import { withAction } from './draft-actions.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';

const guards = defineGuards({
  ttlExpired: {
    description: 'ttlSecondsAfterFinished has passed since the sequence ended',
    holds: hasExpired,
  },
});

const effects = defineEffects({
  deleteSequence: {
    description: 'delete the SequentialJob and its Jobs',
    apply: ({ draft }) => withAction(draft, { type: 'DeleteSequence' }),
  },
});

export const ttlRows: readonly Row[] = [{ guard: guards.ttlExpired, effect: effects.deleteSequence }];
