/** The start of a sequence: checks before anything runs, and the finalizer. */
import { FINALIZER } from '../../shared/api/group.ts';
import { EVENT, EVENT_MESSAGE, MESSAGE, REASON } from '../../shared/api/reasons.ts';
import { formatFieldError, validateSpec } from '../../shared/validation/index.ts';
import { guards as createGuards } from './create-job.ts';
import { withAction } from './draft-actions.ts';
import { withoutStartTime } from './without-start-time.ts';
import { emit, fail } from './outcome.ts';
import { defineEffects, defineGuards, otherwise, type Row } from './row.ts';
import type { Context } from './types.ts';

const finalizers = ({ snapshot }: Context): readonly string[] => snapshot.object.metadata.finalizers ?? [];

const guards = defineGuards({
  finalizerMissing: {
    description: 'the object does not have our finalizer',
    holds: (context) => !finalizers(context).includes(FINALIZER),
  },
  namespaceIsOperators: {
    description: "the object is in the operator's own namespace",
    holds: ({ snapshot }) => snapshot.isInOwnNamespace === true,
  },
  specIsInvalid: {
    description: 'the spec is invalid: admission would have rejected it',
    holds: ({ snapshot }) => validateSpec(snapshot.object.spec).length > 0,
  },
});

const effects = defineEffects({
  addFinalizer: {
    description: 'add the finalizer, so that the object is not deleted before its Jobs',
    apply: ({ draft }) => withAction(draft, { type: 'AddFinalizer' }),
  },
  failOnNamespace: {
    description: 'record ForbiddenNamespace, because its Pods could use the service account of the operator',
    apply: (context) => {
      const message = MESSAGE.forbiddenNamespace(context.snapshot.object.metadata.namespace);
      return fail(withoutStartTime(context), { reason: REASON.forbiddenNamespace, message });
    },
  },
  failOnInvalidSpec: {
    description: 'record InvalidSpec with all errors; wait for a spec change',
    apply: (context) => {
      const errors = validateSpec(context.snapshot.object.spec).map(formatFieldError);
      return fail(context, { reason: REASON.invalidSpec, message: MESSAGE.invalidSpec(errors) });
    },
  },
  startSequence: {
    description: 'set startTime',
    apply: ({ draft, snapshot, now }) =>
      emit(
        { ...draft, startTime: now },
        {
          type: 'Normal',
          reason: EVENT.sequenceStarted,
          message: EVENT_MESSAGE.sequenceStarted(snapshot.object.spec.steps.length),
        },
      ),
  },
});

/**
 * First in every state that creates or changes Jobs: without the finalizer the object could be deleted before its Jobs.
 */
export const finalizerRows: readonly Row[] = [{ guard: guards.finalizerMissing, effect: effects.addFinalizer }];

export const ownNamespaceRows: readonly Row[] = [
  { guard: guards.namespaceIsOperators, effect: effects.failOnNamespace, to: 'Ended', continues: true },
];

export const invalidSpecRows: readonly Row[] = [
  { guard: guards.specIsInvalid, effect: effects.failOnInvalidSpec, to: 'Ended', continues: true },
];

/** An existing Job shows that the sequence has started, although the status does not record it. */
export const startFoundRows: readonly Row[] = [
  { guard: createGuards.jobExists, effect: effects.startSequence, to: 'StepPending', continues: true },
  { guard: createGuards.laterStepHasJob, effect: effects.startSequence, to: 'StepPending', continues: true },
];

export const startRows: readonly Row[] = [
  { guard: otherwise, effect: effects.startSequence, to: 'StepPending', continues: true },
];
