/** `ttlSecondsAfterFinished`. */
import { hasExpired } from './clock.ts';
import { act } from './draft-actions.ts';
import { defineEffects, defineGuards, type Row } from './row.ts';

const guards = defineGuards({
  ttlExpired: {
    description: 'the sequence ended ttlSecondsAfterFinished ago',
    holds: hasExpired,
  },
});

const effects = defineEffects({
  deleteSequence: {
    description: 'delete the SequentialJob, and with it its Jobs',
    apply: ({ draft }) => act(draft, { type: 'DeleteSequence' }),
  },
});

export const ttlRows: readonly Row[] = [{ guard: guards.ttlExpired, effect: effects.deleteSequence }];
